"""Listings from Parquet, a few rows at a time, bounded by what a row group may unpack to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from domain.errors import BadInput
from jobs.intake.flat_listing import COLUMNS, REQUIRED, nested

_BATCH_ROWS = 200
_BATCH_BYTES = 512_000_000
"""A value may be repeated by a dictionary: a batch's size is bounded by its rows times the largest column chunk."""
_MAX_CHUNK_BYTES = 512_000_000
_NESTED_REQUIRED = ("marketplace", "listing_id", "url", "title", "seller")


def count_rows(path: Path) -> int:
    """Rows of the file, as its footer says."""
    with _opened(path) as file:
        return int(file.metadata.num_rows)


def read_parquet(path: Path) -> Iterator[tuple[int, object, bool]]:
    """(row, listing in the nested form, whether the file was flat). Raises BadInput for a broken or hostile file."""
    with _opened(path) as file:
        names = file.schema_arrow.names
        is_flat = "seller" not in names
        for column in REQUIRED if is_flat else _NESTED_REQUIRED:
            if column not in names:
                raise BadInput("the column is missing", file=str(path), line=1, field=column)
        columns = [name for name in names if name in (*COLUMNS, "seller")]
        batch_rows = min(_BATCH_ROWS, max(1, _BATCH_BYTES // _largest_chunk(file, path)))
        row = 0
        try:
            for batch in file.iter_batches(batch_size=batch_rows, columns=columns, use_threads=False):
                for data in batch.to_pylist():
                    row += 1
                    yield row, nested(data) if is_flat else _without_nulls(data), is_flat
        except (pa.ArrowException, OSError, ValueError) as error:
            raise BadInput(f"broken Parquet ({error})", file=str(path), line=row + 1) from error


def _opened(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(
            path, thrift_string_size_limit=10_000_000, thrift_container_size_limit=1_000_000, memory_map=False
        )
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BadInput(f"not a Parquet file ({error})", file=str(path)) from error


def _largest_chunk(file: pq.ParquetFile, path: Path) -> int:
    metadata = file.metadata
    sizes = [
        metadata.row_group(group).column(column).total_uncompressed_size
        for group in range(metadata.num_row_groups)
        for column in range(metadata.num_columns)
    ]
    largest = max(sizes, default=1)
    if largest > _MAX_CHUNK_BYTES:
        raise BadInput(f"a column of {largest} bytes in one row group; at most {_MAX_CHUNK_BYTES}", file=str(path))
    return max(1, largest)


def _without_nulls(row: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if value is not None}
