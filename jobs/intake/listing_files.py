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
from jobs.intake.flat_listing import COLUMNS, REQUIRED, flat_name, nested
from jobs.intake.json_text import read_json
from jobs.intake.listing_row import ListingDraft, draft_listing
from jobs.intake.parquet import count_rows, read_parquet
from jobs.intake.source import FolderSource
from jobs.intake.table import read_table

MAX_ROW_BYTES = 1_000_000
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

    def count(self) -> int | None:
        """Lines or rows in all, None when it cannot be said."""
        if self._is_parquet:
            return count_rows(self.path)
        with self._source.open(self.path.name) as stream:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(1_048_576), b""))

    def __iter__(self) -> Iterator[ReadListing]:
        """The good rows; bad ones go to `findings`. Raises BadInput where the file cannot be read at all."""
        if self._is_parquet:
            yield from self._drafts(read_parquet(self.path))
        else:
            with self._source.open(self.path.name) as stream:
                rows = self._csv(stream) if self.path.suffix.lower() in (".csv", ".tsv") else self._jsonl(stream)
                yield from self._drafts(rows)

    @property
    def _is_parquet(self) -> bool:
        return self.path.suffix.lower() in (".parquet", ".pq")

    @property
    def _source(self) -> FolderSource:
        return FolderSource(self.path.parent, self.settings)

    def _drafts(self, rows: Iterator[tuple[int, object, bool]]) -> Iterator[ReadListing]:
        for line, data, is_flat in rows:
            self.line = line
            draft, faults = draft_listing(data)
            for fault in faults:
                name = flat_name(fault.field) if is_flat else fault.field
                self.findings.refuse(BadInput(fault.reason, file=str(self.path), line=line, field=name))
            if draft is not None:
                yield ReadListing(line=line, draft=draft)

    def _jsonl(self, stream: BinaryIO) -> Iterator[tuple[int, object, bool]]:
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
                    yield number, read_json(content.rstrip(), file=str(self.path), first_line=number), False
                except BadInput as error:
                    self.findings.refuse(error.at(field="listing"))

    def _csv(self, stream: BinaryIO) -> Iterator[tuple[int, object, bool]]:
        name = str(self.path)
        for row in read_table(stream, file=name, findings=self.findings, known=COLUMNS, required=REQUIRED):
            cells: dict[str, object] = {column: values[0] for column, values in row.cells.items()}
            for column in (*_COUNTS, *_NUMBERS):
                cells[column] = _number_of(row.text(column))
            yield row.line, nested(cells), True


def _number_of(text: str) -> object:
    if not text:
        return None
    return Decimal(text) if re.fullmatch(r"-?[0-9]{1,20}(\.[0-9]{1,20})?", text) else text
