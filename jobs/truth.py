"""The truth of listings, as a file tells it: what each one is, so that verdicts can be measured against it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

from pydantic import StringConstraints

from domain.codec import load
from domain.errors import BadInput

Name = Annotated[str, StringConstraints(min_length=1, max_length=80)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=400)]


@dataclass(frozen=True, kw_only=True, slots=True)
class TruthRow:
    """What one listing really is."""

    listing_id: Key
    kind: Name
    """What sort of listing, such as ``copied_photo``, ``authorised``, ``unrelated``; free, for the tables."""
    label: Literal["infringing", "legitimate"]
    violations: tuple[Name, ...] = ()
    """Signals that ought to be raised, by name."""
    reference_id: Key | None = None
    """The reference product that the listing shows; None where it shows none."""
    edits: tuple[Name, ...] = ()
    """What was done to a copied picture, such as ``crop``, ``flip``."""
    marketplace: Key | None = None
    """None: the listing id alone tells the listing."""

    @property
    def infringing(self) -> bool:
        """Whether the label says so."""
        return self.label == "infringing"


def read_truth(path: Path, *, max_line_bytes: int = 65_536, max_rows: int = 2_000_000) -> Iterator[TruthRow]:
    """Each row of a ``truth.jsonl``, one line in memory at a time; empty lines are skipped.

    Raises BadInput with file, line and field: not there, not UTF-8, not JSON, a field missing or of another type,
    a line over `max_line_bytes`, more than `max_rows` rows, or the same listing twice.
    """
    seen: set[tuple[str | None, str]] = set()
    try:
        with path.open("rb") as file:
            for line, raw in _lines(file, max_line_bytes, path.name):
                row = _row(raw, path.name, line)
                if (key := (row.marketplace, row.listing_id)) in seen:
                    raise BadInput(f"{row.listing_id} stands here twice", file=path.name, line=line, field="listing_id")
                if len(seen) >= max_rows:
                    raise BadInput(f"more than {max_rows} rows", file=path.name, line=line)
                seen.add(key)
                yield row
    except OSError as error:
        reason = f"cannot be read ({error.strerror or error})"
        raise BadInput(reason, file=path.name, advice="Give the path of a truth.jsonl.") from error


def _lines(file: BinaryIO, max_line_bytes: int, name: str) -> Iterator[tuple[int, bytes]]:
    line = 0
    while raw := file.readline(max_line_bytes + 1):
        line += 1
        if len(raw) > max_line_bytes:
            raise BadInput(f"a line of more than {max_line_bytes} bytes", file=name, line=line)
        if raw.strip():
            yield line, raw


def _row(raw: bytes, name: str, line: int) -> TruthRow:
    try:
        data = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadInput("not UTF-8", file=name, line=line) from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"not JSON ({error})", file=name, line=line) from error
    if not isinstance(data, dict):
        raise BadInput("not a JSON object", file=name, line=line)
    try:
        return load(TruthRow, data)
    except BadInput as error:
        raise error.at(file=name, line=line) from error
