"""The process that reads a Parquet file of listings for `jobs.intake.parquet`; nothing imports it."""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from jobs.intake.flat_listing import COLUMNS, MAX_ROW_BYTES, REQUIRED, nested
from jobs.intake.parquet import ROW_TOO_LARGE

_BATCH_ROWS = 200
_BATCH_BYTES = 512_000_000
"""A value may be repeated by a dictionary: a batch's size is bounded by its rows times the largest column chunk."""
_MAX_MEMORY_BYTES = 4_000_000_000
"""Address space, libraries and thread stacks included."""
_MAX_CPU_SECONDS = 1_800
"""Far more than tens of millions of honest rows take."""
_NESTED_REQUIRED = ("marketplace", "listing_id", "url", "title", "seller")


def bound_this_process() -> None:
    """Limit this process's memory and processor time, for good; what goes beyond them fails or is ended."""
    resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY_BYTES, _MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_MAX_CPU_SECONDS, _MAX_CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _write_rows(path: Path) -> None:
    """What the reading process does."""
    try:
        file = pq.ParquetFile(path, thrift_string_size_limit=10_000_000, thrift_container_size_limit=1_000_000)
        names = file.schema_arrow.names
        is_flat = "seller" not in names
        missing = next((name for name in (REQUIRED if is_flat else _NESTED_REQUIRED) if name not in names), None)
        if missing:
            _write({"reason": "the column is missing", "line": 1, "field": missing})
            return
        columns = [name for name in names if name in (*COLUMNS, "seller")]
        batch_rows = min(_BATCH_ROWS, max(1, _BATCH_BYTES // _largest_chunk(file)))
        batches = file.iter_batches(batch_size=batch_rows, columns=columns, use_threads=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        _write({"reason": f"not a Parquet file that can be read ({error})"[:500]})
        return
    _write({"rows": file.metadata.num_rows, "is_flat": int(is_flat)})
    for batch in batches:  # what breaks here ends the process, and that says enough
        for row in batch.to_pylist():
            _write(nested(row) if is_flat else {name: value for name, value in row.items() if value is not None})


def _largest_chunk(file: pq.ParquetFile) -> int:
    metadata = file.metadata
    sizes: Iterator[int] = (
        metadata.row_group(group).column(column).total_uncompressed_size
        for group in range(metadata.num_row_groups)
        for column in range(metadata.num_columns)
    )
    return max(1, 1, *sizes)


def _write(row: object) -> None:
    line = json.dumps(row, default=_plain)
    if len(line) > MAX_ROW_BYTES:
        sys.stdout.flush()
        sys.exit(ROW_TOO_LARGE)
    sys.stdout.write(line + "\n")


def _plain(value: object) -> object:
    """Decimals are numbers; of bytes, times and the like the listing's reader shall say that they do not belong."""
    return float(value) if isinstance(value, Decimal) else {"type": type(value).__name__}


if __name__ == "__main__":
    bound_this_process()
    _write_rows(Path(sys.argv[1]))
