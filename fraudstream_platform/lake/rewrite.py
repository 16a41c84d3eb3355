"""Rewrites single files of a table while others append, and really deletes what they replaced.

One file is one commit: the new one in, the old one out, on the object that was looked at. Rows keep
their places, and recorded positions stay. A kill between two files leaves a table that is whole.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction, RemoveAction

from fraudstream_platform.lake.commit import CommitContendedError
from fraudstream_platform.lake.files import DataFile, write_file
from fraudstream_platform.lake.tables import open_table, partition_column, table_uri
from fraudstream_platform.settings import Settings

_ATTEMPTS = 50

Change = Callable[[pl.DataFrame], pl.DataFrame | None]
"""From a file's rows to those that take their place; None where the file can stay."""


def file_paths(settings: Settings, table: str) -> list[str]:
    """Paths of all files of the table now, relative to it."""
    return [row["path"] for row in _files(open_table(settings, table))]


def rewrite_file(settings: Settings, table: str, path: str, change: Change) -> bool:
    """Put what `change` makes of a file in its place; False where it can stay, or is gone.

    Raises CommitContendedError where others won every attempt.
    """
    root = Path(table_uri(settings, table))
    for _ in range(_ATTEMPTS):
        opened = open_table(settings, table)
        old = next((row for row in _files(opened) if row["path"] == path), None)
        changed = change(pl.read_parquet(root / path)) if old is not None else None
        if old is None or changed is None:
            return False
        partition = str(old[f"partition.{partition_column(table)}"])
        new = write_file(settings, table, partition, changed)
        if _is_swapped(opened, table, old, new):
            return True
        (root / new.path).unlink(missing_ok=True)
    raise CommitContendedError(f"{table}: {_ATTEMPTS} rewrites of {path} lost to rivals")


def delete_replaced(settings: Settings, table: str) -> None:
    """Delete the files that the table's log says were replaced, now.

    Files that the log does not name stay: they may be waiting for their commit. A reader that opened
    the table before may miss a file and has to open it again.
    """
    open_table(settings, table).vacuum(
        retention_hours=0, dry_run=False, enforce_retention_duration=False, full=False
    )


def _files(table: DeltaTable) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    return rows


def _is_swapped(opened: DeltaTable, table: str, old: dict[str, Any], new: DataFile) -> bool:
    now_ms, column = round(time.time() * 1000), partition_column(table)
    values: dict[str, str | None] = {column: new.partition}
    # Row counts alone: a column's lowest and highest value would keep sealed texts in the log.
    statistics = json.dumps({"numRecords": new.rows})
    try:
        opened.create_write_transaction(
            [
                RemoveAction(old["path"], True, now_ms, old["size_bytes"], values),
                AddAction(new.path, new.size, values, now_ms, True, statistics),
            ],
            "append",
            opened.schema(),
            [column],
            commit_properties=CommitProperties(max_commit_retries=0),
        )
    except CommitFailedError:
        return False
    return True
