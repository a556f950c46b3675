"""Listings from Parquet, read in a process of its own.

Arrow's reader aborts on some damaged files, and a small file may unpack to more than there is memory; neither may take
an import along. So `jobs.intake.parquet_reader` reads as a process with bounded memory, and writes one JSON object a
line: first what the file is, then its rows in the nested form.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

from domain.errors import BadInput
from jobs.intake.flat_listing import MAX_ROW_BYTES

ROW_TOO_LARGE = 3
"""Exit status of the reading process at a row of more than `MAX_ROW_BYTES`; it goes no further, for there a few KB of
file may stand for any number of GB."""
_MAX_HEAD_BYTES = 10_000


class ParquetRows:
    """The rows of one file, as lines of JSON."""

    def __init__(self, path: Path, lines: BinaryIO, *, rows: int, is_flat: bool) -> None:
        self.path, self.lines = path, lines
        self.rows = rows
        """How many, as the file's footer says."""
        self.is_flat = is_flat
        """Whether the file has columns of the CSV rather than a struct ``seller``."""


@contextmanager
def open_parquet(path: Path) -> Iterator[ParquetRows]:
    """The file being read. Raises BadInput where it cannot be, also at the end, when its reader broke on the way."""
    # -P: a folder named jobs where somebody happens to stand is not ours to run
    command = [sys.executable, "-P", "-m", "jobs.intake.parquet_reader", str(path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OPENBLAS_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as reader:
        try:
            lines = _pipe(reader.stdout)
            head = _head(lines, path)
            yield ParquetRows(path, lines, rows=head["rows"], is_flat=bool(head["is_flat"]))
            if lines.read(1) == b"" and (status := reader.wait()) != 0:
                too_large = f"a row of more than {MAX_ROW_BYTES} bytes; what follows is not read"
                raise BadInput(too_large if status == ROW_TOO_LARGE else "what follows breaks its reader")
        finally:
            reader.kill()


def _pipe(stream: IO[bytes] | None) -> BinaryIO:
    assert stream is not None  # asked for with PIPE
    return stream  # type: ignore[return-value]


def _head(lines: BinaryIO, path: Path) -> dict[str, int]:
    try:
        head: dict[str, int | str] = json.loads(lines.readline(_MAX_HEAD_BYTES))
    except ValueError as error:  # it died before it could say anything
        raise BadInput("not a Parquet file that can be read", file=str(path)) from error
    if "reason" in head:
        line, field = head.get("line"), head.get("field")
        raise BadInput(
            str(head["reason"]),
            file=str(path),
            line=line if isinstance(line, int) else None,
            field=field if isinstance(field, str) else None,
        )
    return {name: int(value) for name, value in head.items()}
