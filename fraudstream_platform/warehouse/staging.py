"""Files of the lake made ready for Snowflake: few, large, with every column in each.

A flush writes a file every few seconds, and Snowflake charges for each; files lack the partition's
column and those that were added later. So the rows of a transaction's files are joined, a few at a
time, however large an hour is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from fraudstream_platform.lake.shown import ShownFile
from fraudstream_platform.lake.tables import full_schema, partition_column

FILE_BYTES = 96 << 20
"""Bytes of the lake's files that go into one staged file; Snowflake advises 100 to 250 MB."""
_BATCH_ROWS = 32_768


class RowsChangedError(RuntimeError):
    """A file of the lake has other rows than its table says."""


def stage_files(table: str, files: Sequence[ShownFile], folder: Path) -> list[Path]:
    """Write the rows of `files` to Parquet files in `folder`; raises RowsChangedError, OSError."""
    return [
        _join(table, group, folder / f"{number}.parquet")
        for number, group in enumerate(_groups(files))
    ]


def _groups(files: Iterable[ShownFile]) -> Iterator[list[ShownFile]]:
    group: list[ShownFile] = []
    for file in files:
        if group and sum(one.size for one in group) + file.size > FILE_BYTES:
            yield group
            group = []
        group.append(file)
    if group:
        yield group


def _join(table: str, files: Sequence[ShownFile], target: Path) -> Path:
    schema = as_staged(pl.DataFrame(schema=full_schema(table))).to_arrow().schema
    expected = sum(file.rows for file in files)
    written = 0
    with pq.ParquetWriter(target, schema, compression="zstd", store_schema=False) as writer:
        for rows in _frames(table, files):
            writer.write_table(as_staged(rows).to_arrow().cast(schema))
            written += rows.height
    if written != expected:
        raise RowsChangedError(f"{table}: {written} rows in files that should have {expected}")
    return target


def _frames(table: str, files: Sequence[ShownFile]) -> Iterator[pl.DataFrame]:
    schema = full_schema(table)
    column = partition_column(table)
    for file in files:
        with pq.ParquetFile(file.path) as parquet:
            for batch in parquet.iter_batches(_BATCH_ROWS, use_threads=False):
                rows = pl.DataFrame(batch)
                lacking = [
                    pl.lit(None, kind).alias(name)
                    for name, kind in schema.items()
                    if name not in rows.columns and name != column
                ]
                yield (
                    rows.with_columns(*lacking, pl.lit(file.partition).alias(column))
                    .select(*schema)
                    .cast(schema)
                )


def as_staged(rows: pl.DataFrame) -> pl.DataFrame:
    """Lists as JSON, times without a zone (they are UTC): what a COPY reads the same everywhere."""
    return rows.with_columns(
        _staged(name, kind)
        for name, kind in rows.schema.items()
        if kind.is_nested() or kind.is_temporal()
    )


def _staged(name: str, kind: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(kind, pl.Datetime):
        return column.dt.replace_time_zone(None)
    if not kind.is_nested():
        return column
    # polars writes JSON of structs only: {"v":[...]} without its ends is the list.
    text = pl.struct(column.alias("v")).struct.json_encode()
    inner = text.str.strip_prefix('{"v":').str.strip_suffix("}")
    return pl.when(column.is_not_null()).then(inner).alias(name)
