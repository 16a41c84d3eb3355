"""Rewrites single files of a table while others append, and really deletes what they replaced.

One file is one commit: the new one in, the old one out, on the object that was looked at. Rows keep
their places, and recorded positions stay. A kill between two files leaves a table that is whole.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from fraudstream_platform.lake.actions import additions, held_files, removals, try_commit
from fraudstream_platform.lake.commit import CommitContendedError
from fraudstream_platform.lake.files import discard, write_file
from fraudstream_platform.lake.tables import open_table, partition_column, table_uri
from fraudstream_platform.settings import Settings

_ATTEMPTS = 50

Change = Callable[[pl.DataFrame], pl.DataFrame | None]
"""From a file's rows to those that take their place; None where the file can stay."""


def file_paths(settings: Settings, table: str) -> list[str]:
    """Paths of all files of the table now, relative to it."""
    opened = open_table(settings, table)
    return [file.path for file in held_files(opened, partition_column(table))]


def rewrite_file(settings: Settings, table: str, path: str, change: Change) -> bool:
    """Put what `change` makes of a file in its place; False where it can stay, or is gone.

    Raises CommitContendedError where others won every attempt.
    """
    root, column = Path(table_uri(settings, table)), partition_column(table)
    for _ in range(_ATTEMPTS):
        opened = open_table(settings, table)
        old = next((file for file in held_files(opened, column) if file.path == path), None)
        changed = change(pl.read_parquet(root / path)) if old is not None else None
        if old is None or changed is None:
            return False
        new = write_file(settings, table, old.partition, changed)
        if try_commit(opened, column, [*removals([old], column), *additions([new], column)]):
            return True
        discard(settings, [new])
    raise CommitContendedError(f"{table}: {_ATTEMPTS} rewrites of {path} lost to rivals")


def delete_replaced(settings: Settings, table: str) -> None:
    """Delete the files that the table's log says were replaced, now.

    Files that the log does not name stay: they may be waiting for their commit. A reader that opened
    the table before may miss a file and has to open it again.
    """
    open_table(settings, table).vacuum(
        retention_hours=0, dry_run=False, enforce_retention_duration=False, full=False
    )
