"""Tables as text (TSV, CSV): rows with the line they begin on; a broken row costs itself, not its neighbors."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from domain.errors import BadInput
from jobs.intake.findings import Findings
from jobs.intake.text import fault_of_utf8

MAX_LINE_BYTES = 1_000_000
_MAX_ROW_CHARACTERS = 400_000
"""Of a row over several lines."""
_MAX_REREAD_CHARACTERS = 20_000_000
"""Each row with an open quote may cost a row's length twice; a file made of them would cost hours."""
_DELIMITERS = ("\t", ",", ";", "|")
_ESCAPED_BYTE = re.compile("[\udc80-\udcff]")
"""What Python's surrogateescape makes of bytes that are not UTF-8."""
_REPEATABLE = "additional_image_link"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One row as text, before anything is believed."""

    line: int
    """Physical line, 1-based, on which the row begins."""
    cells: Mapping[str, tuple[str, ...]]
    """Values by column, blanks at the ends removed, empty ones left out; several where a column repeats."""

    def text(self, column: str) -> str:
        """The column's first value, or an empty string."""
        return next(iter(self.cells.get(column, ())), "")


def read_table(
    stream: BinaryIO, *, file: str, findings: Findings, known: Collection[str], required: Collection[str]
) -> Iterator[Row]:
    """Rows of a table with a header line, streamed; the delimiter is the one that finds most `known` columns.

    Bad rows go to `findings`. Raises BadInput where the whole file cannot be read: no header, a required column
    missing, a column given twice, UTF-16.
    """
    lines = _Lines(stream, file)
    header, delimiter = _header(lines, file, known, required)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.begin_row()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            findings.refuse(BadInput(f"not a row: {error}", file=file, line=lines.first))
            lines.resync()
            continue
        except BadInput as error:
            findings.refuse(error)
            lines.resync()
            continue
        if any(cell.strip() for cell in cells):
            fault = _fault_of(cells, header, lines, file)
            if fault is None:
                yield Row(line=lines.first, cells=_by_column(header, cells))
            else:
                findings.refuse(fault)
                if fault.field is None:
                    lines.resync()


class _Lines:
    """Physical lines for csv.reader, which remembers a row's lines so that an open quote can be taken back."""

    def __init__(self, stream: BinaryIO, file: str) -> None:
        self._stream, self._file = stream, file
        self._again: deque[str] = deque()
        self._number = 0
        self._length = self._reread = 0
        self.first = 1
        self.row: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._read()
        self._number += 1
        self.row.append(line)
        self._length += len(line)
        if len(self.row) > 1 and self._length > _MAX_ROW_CHARACTERS:
            raise BadInput("a quote that is not closed", file=self._file, line=self.first)
        return line

    def _read(self) -> str:
        content = self._stream.readline(MAX_LINE_BYTES + 1)
        if not content:
            raise StopIteration
        if len(content) > MAX_LINE_BYTES:
            while content and not content.endswith(b"\n"):
                content = self._stream.readline(MAX_LINE_BYTES)
            self._number += 1
            self.row.append("")
            raise BadInput(f"more than {MAX_LINE_BYTES} bytes", file=self._file, line=self._number)
        if self._number == 0:
            if content.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise BadInput("UTF-16, not UTF-8: byte 1", file=self._file, line=1, advice="Save the file as UTF-8.")
            content = content.removeprefix(b"\xef\xbb\xbf")
        return content.decode("utf-8", "surrogateescape")

    def begin_row(self) -> None:
        """What is read from here on belongs to the next row."""
        self.first, self.row, self._length = self._number + 1, [], 0

    def resync(self) -> None:
        """Give all lines of the row but its first back, to be read as rows of their own."""
        again = self.row[1:]
        self._again.extendleft(reversed(again))
        self._number -= len(again)
        self._reread += sum(map(len, again))
        if self._reread > _MAX_REREAD_CHARACTERS:
            raise BadInput("quotes are left open all over: not a table", file=self._file, line=self.first)


def _header(lines: _Lines, file: str, known: Collection[str], required: Collection[str]) -> tuple[tuple[str, ...], str]:
    line = next((text for text in lines if text.strip()), None)
    if line is None:
        raise BadInput("empty: it has no header line", file=file, line=1)
    number = len(lines.row)
    if fault := _fault_of_encoding([line], number, file):
        raise fault
    candidates = {delimiter: _columns(line, delimiter) for delimiter in _DELIMITERS}
    delimiter = max(_DELIMITERS, key=lambda one: len(set(candidates[one]) & set(known)))
    header = candidates[delimiter]
    for column in required:
        if column not in header:
            found = ", ".join(header)[:200]
            raise BadInput(f"the column is missing (found: {found})", file=file, line=number, field=column)
    for column in known:
        if header.count(column) > 1 and column != _REPEATABLE:
            raise BadInput("the column is given twice", file=file, line=number, field=column)
    return header, delimiter


def _columns(line: str, delimiter: str) -> tuple[str, ...]:
    try:
        names = next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error:
        return ()
    return tuple(name.strip().lower().removeprefix("g:").strip().replace(" ", "_") for name in names)


def _fault_of(cells: list[str], header: tuple[str, ...], lines: _Lines, file: str) -> BadInput | None:
    """A fault without a field means that the row's bounds are in doubt."""
    if fault := _fault_of_encoding(lines.row, lines.first, file):
        position = next((at for at, cell in enumerate(cells) if _is_broken(cell)), 0)
        return fault.at(field=header[position] if position < len(header) else "?")
    several = len(lines.row) > 1
    if len(cells) > len(header) or (several and len(cells) < len(header)):
        reason = f"{len(cells)} columns where the header has {len(header)}"
        if several:
            reason += f", over lines {lines.first} to {lines.first + len(lines.row) - 1}: is a quote left open?"
        return BadInput(reason, file=file, line=lines.first)
    return None


def _fault_of_encoding(row: list[str], first: int, file: str) -> BadInput | None:
    for number, line in enumerate(row, first):
        if _is_broken(line):
            content = line.encode("utf-8", "surrogateescape")
            return BadInput(fault_of_utf8(content), file=file, line=number, advice="Save the file as UTF-8.")
    return None


def _is_broken(text: str) -> bool:
    return not text.isascii() and _ESCAPED_BYTE.search(text) is not None


def _by_column(header: tuple[str, ...], cells: list[str]) -> dict[str, tuple[str, ...]]:
    row: dict[str, tuple[str, ...]] = {}
    for column, cell in zip(header, cells, strict=False):
        if value := cell.strip():
            row[column] = (*row.get(column, ()), value)
    return row
