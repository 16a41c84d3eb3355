"""Rows of several Parquet files in one, a few at a time: memory does not grow with the hour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from fraudstream_platform.lake.files import written_whole

_GROUP_ROWS = 100_000
_BATCH_ROWS = 32_768


class RowsLostError(RuntimeError):
    """The new file has other rows than its sources; it was thrown away."""


def join_files(sources: Sequence[Path], target: Path) -> int:
    """Write the rows of `sources`, in order, to `target`, fsynced; how many there are.

    Every column of any source is kept: one written before a column was added gets nulls in it.
    Raises pyarrow.ArrowInvalid where two sources have a column of different types, OSError where a
    file cannot be read or written; no file is left then.
    """
    schema = pa.unify_schemas([pq.read_schema(source) for source in sources])
    expected = sum(pq.read_metadata(source).num_rows for source in sources)
    with (
        written_whole(target) as sink,
        pq.ParquetWriter(
            sink, schema, compression="zstd", coerce_timestamps="us", store_schema=False
        ) as writer,
    ):
        written = 0
        for rows in _in_groups(sources, schema):
            writer.write_table(rows)
            written += rows.num_rows
        if written != expected:
            raise RowsLostError(f"{target}: {written} rows of {expected}")
    return written


def _in_groups(sources: Sequence[Path], schema: pa.Schema) -> Iterator[pa.Table]:
    held: list[pa.Table] = []
    for source in sources:
        with pq.ParquetFile(source) as file:
            for batch in file.iter_batches(_BATCH_ROWS, use_threads=False):
                held.append(_as(pa.Table.from_batches([batch]), schema))
                if sum(rows.num_rows for rows in held) >= _GROUP_ROWS:
                    yield pa.concat_tables(held)
                    held = []
    if held:
        yield pa.concat_tables(held)


def _as(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        rows[field.name] if field.name in rows.column_names else pa.nulls(rows.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)
