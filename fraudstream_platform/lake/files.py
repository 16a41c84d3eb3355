"""Parquet files of a flush: written whole and fsynced before anything speaks of them."""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl
import pyarrow.parquet as pq

from fraudstream_platform.contracts.schemas import IDENTITY_KINDS
from fraudstream_platform.lake.tables import TABLES, partition_column, table_uri
from fraudstream_platform.settings import Settings

_POSITIONS = ["partition", "offset", "append_time", "event_time"]
"""Only these are ever searched by range; a lowest and highest value of the others is never asked."""
_HARDLY_TWICE = {"transaction_id", "original_id", "case_id", *IDENTITY_KINDS}
"""Text that hardly comes twice in a file: a dictionary of it costs time and makes the file larger."""


class FileLostError(RuntimeError):
    """A file that the journal names is not there, or has another size."""


@dataclass(frozen=True)
class DataFile:
    """One Parquet file of a table; `path` is relative to the table's root."""

    table: str
    path: str
    size: int
    rows: int
    partition: str

    def to_json(self) -> dict[str, Any]:
        """The form in which it stands in the journal."""
        return asdict(self)


def write_file(settings: Settings, table: str, partition: str, frame: pl.DataFrame) -> DataFile:
    """Write `frame` (the table's columns but for the partition) and fsync file and folder."""
    return store(settings, table, partition, encode(table, frame), frame.height)


def encode(table: str, frame: pl.DataFrame) -> io.BytesIO:
    """`frame` as Parquet, in memory.

    Arrow writes it, in the calling thread: polars would use its pool, which in a drain task is one
    thread that the steps need.
    """
    rows = frame.select(list(TABLES[table])).rechunk()
    parquet = io.BytesIO()
    pq.write_table(
        rows.to_arrow(compat_level=pl.CompatLevel.oldest()),
        parquet,
        compression="zstd",
        compression_level=1,
        use_dictionary=[
            name
            for name, dtype in rows.schema.items()
            if dtype == pl.String and name not in _HARDLY_TWICE
        ],
        write_statistics=[name for name in _POSITIONS if name in rows.columns],
        coerce_timestamps="us",
        store_schema=False,
    )
    return parquet


def store(
    settings: Settings, table: str, partition: str, parquet: io.BytesIO, rows: int
) -> DataFile:
    """Write what `encode` gave, and fsync file and folder; raises OSError and leaves no file."""
    relative = f"{partition_column(table)}={partition}/{uuid.uuid4().hex}.parquet"
    path = Path(table_uri(settings, table)) / relative
    with written_whole(path) as sink:
        sink.write(parquet.getbuffer())
    return DataFile(table, relative, path.stat().st_size, rows, partition)


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """A new file that is fsynced, and its folder, when the block ends; after an error there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("wb") as sink:
            yield sink
            sink.flush()
            os.fsync(sink.fileno())
        sync_folder(path.parent)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def discard(settings: Settings, files: Iterable[DataFile]) -> None:
    """Remove files that no table and no journal record names."""
    for file in files:
        (Path(table_uri(settings, file.table)) / file.path).unlink(missing_ok=True)


def check_file(settings: Settings, file: DataFile) -> None:
    """Raise FileLostError unless the file is there with the size that the journal says."""
    path = Path(table_uri(settings, file.table)) / file.path
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise FileLostError(f"{path} is named by the journal but is not there") from None
    if size != file.size:
        raise FileLostError(f"{path} has {size} bytes, the journal says {file.size}")


def sync_folder(folder: Path) -> None:
    """Let what was made, renamed or removed in a folder outlive a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
