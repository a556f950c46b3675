"""Listings from files: JSONL, CSV and Parquet, streamed; each bad row with its file, line and field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

from domain.errors import BadInput
from domain.settings import Settings
from jobs.intake.findings import Findings
from jobs.intake.flat_listing import COLUMNS, MAX_ROW_BYTES, REQUIRED, flat_name, nested
from jobs.intake.json_text import read_json
from jobs.intake.listing_row import ListingDraft, draft_listing
from jobs.intake.parquet import open_parquet
from jobs.intake.source import FolderSource
from jobs.intake.table import read_table

_COUNTS = ("quantity", "seller_feedback_score")
_NUMBERS = ("seller_feedback_percent",)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadListing:
    """A draft and where it stood."""

    line: int
    """Physical line of JSONL and CSV, row of Parquet; 1-based."""
    draft: ListingDraft


@dataclass(slots=True)
class ListingFile:
    """One file being read."""

    path: Path
    settings: Settings
    findings: Findings
    line: int = field(default=0, init=False)
    """How far reading has come."""
    total: int | None = field(default=None, init=False)
    """Lines or rows in all, once reading has begun."""

    def __iter__(self) -> Iterator[ReadListing]:
        """The good rows; bad ones go to `findings`. Raises BadInput where the file cannot be read at all."""
        suffix = self.path.suffix.lower()
        if suffix in (".parquet", ".pq"):
            try:
                with open_parquet(self.path) as parquet:
                    self.total = parquet.rows
                    yield from self._drafts(self._jsonl(parquet.lines), is_flat=parquet.is_flat)
            except BadInput as error:
                raise error.at(file=str(self.path), line=self.line + 1 if self.total is not None else None) from error
            return
        with self._source.open(self.path.name) as stream:
            self.total = sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(1_048_576), b""))
            stream.seek(0)
            is_flat = suffix in (".csv", ".tsv")
            yield from self._drafts(self._csv(stream) if is_flat else self._jsonl(stream), is_flat=is_flat)

    @property
    def _source(self) -> FolderSource:
        return FolderSource(self.path.parent, self.settings)

    def _drafts(self, rows: Iterator[tuple[int, object]], *, is_flat: bool) -> Iterator[ReadListing]:
        for line, data in rows:
            self.line = line
            draft, faults = draft_listing(data)
            for fault in faults:
                name = flat_name(fault.field) if is_flat else fault.field
                self.findings.refuse(BadInput(fault.reason, file=str(self.path), line=line, field=name))
            if draft is not None:
                yield ReadListing(line=line, draft=draft)

    def _jsonl(self, stream: BinaryIO) -> Iterator[tuple[int, object]]:
        number = 0
        while content := stream.readline(MAX_ROW_BYTES + 1):
            number += 1
            if len(content) > MAX_ROW_BYTES:
                while content and not content.endswith(b"\n"):
                    content = stream.readline(MAX_ROW_BYTES)
                reason = f"more than {MAX_ROW_BYTES} bytes"
                self.findings.refuse(BadInput(reason, file=str(self.path), line=number, field="listing"))
            elif content.strip():
                try:
                    yield number, read_json(content.rstrip(), file=str(self.path), first_line=number)
                except BadInput as error:
                    self.findings.refuse(error.at(field="listing"))

    def _csv(self, stream: BinaryIO) -> Iterator[tuple[int, object]]:
        name = str(self.path)
        for row in read_table(stream, file=name, findings=self.findings, known=COLUMNS, required=REQUIRED):
            cells: dict[str, object] = {column: values[0] for column, values in row.cells.items()}
            for column in (*_COUNTS, *_NUMBERS):
                cells[column] = _number_of(row.text(column))
            yield row.line, nested(cells)


def _number_of(text: str) -> object:
    if not text:
        return None
    return Decimal(text) if re.fullmatch(r"-?[0-9]{1,20}(\.[0-9]{1,20})?", text) else text
