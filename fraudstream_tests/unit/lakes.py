"""Small lakes on the disk: batches of Bronze rows, as flushes bring them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import polars as pl

from fraudstream_platform.lake.commit import Batch, TableAppender
from fraudstream_platform.lake.files import write_file
from fraudstream_platform.lake.tables import DRAINED, create_tables, scan, table_uri
from fraudstream_platform.settings import Settings

TABLE = "bronze.transactions"
HOUR = "2026-01-01T00"
APPLICATION = "test"


def new_lake(folder: Path) -> Settings:
    settings = Settings(_env_file=None, data_dir=folder)
    create_tables(settings)
    return settings


def flush(settings: Settings, start: int, end: int, hour: str = HOUR) -> Batch:
    """Rows start..end of partition 0 in one file; written, and named by nobody yet."""
    rows = pl.DataFrame(
        {"partition": [0] * (end - start), "offset": range(start, end)},
        schema={"partition": pl.Int32, "offset": pl.Int64},
    )
    frame = pl.concat([DRAINED[TABLE].to_frame(), rows], how="diagonal")
    file = write_file(settings, TABLE, hour, frame)
    return Batch({0: start}, {0: end}, [file], origin=start == 0)


def commit(settings: Settings, *batches: Batch) -> int:
    return TableAppender(settings, TABLE, APPLICATION).commit(batches)


def offsets(settings: Settings) -> list[int]:
    found: pl.DataFrame = scan(settings, TABLE).select("offset").collect()
    return sorted(found["offset"].to_list())


def parquet_files(settings: Settings) -> set[str]:
    root = Path(table_uri(settings, TABLE))
    return {path.relative_to(root).as_posix() for path in root.glob("hour=*/*.parquet")}


def age(settings: Settings, path: str, hours: float) -> None:
    """Make a file look as old as that."""
    then = time.time() - hours * 3600
    os.utime(Path(table_uri(settings, TABLE)) / path, (then, then))
