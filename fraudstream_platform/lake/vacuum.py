"""Removing files that a table has let go of: those of its own tombstones, and no others.

Never a full vacuum. That would take every file that the table does not name, and a flush writes its
files before the journal names them and the committer adds them: they are not named, and not waste.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deltalake import DeltaTable

from fraudstream_platform.lake.tables import PROFILES, open_table, table_uri
from fraudstream_platform.settings import Settings


@dataclass(frozen=True)
class Removed:
    """Files that are gone from the disk, and their bytes."""

    files: int = 0
    bytes: int = 0


def let_go(table: DeltaTable, older_than_hours: int) -> list[str]:
    """Paths of tombstones that old: files that an earlier version of the table had."""
    active = set(_paths(table))
    old = table.vacuum(
        retention_hours=older_than_hours,
        dry_run=True,
        enforce_retention_duration=False,
        full=False,
    )
    return [path for path in old if path not in active]


def vacuum_table(settings: Settings, table: str) -> Removed:
    """Remove files that `table` let go of VACUUM_AFTER_HOURS ago or before."""
    paths = let_go(open_table(settings, table), settings.vacuum_after_hours)
    removed = remove_files(settings, table, paths)
    if table in PROFILES:  # a version never comes again, an hour may be rebuilt any time
        for folder in {(Path(table_uri(settings, table)) / path).parent for path in paths}:
            with suppress(OSError):  # it is not empty
                folder.rmdir()
    return removed


def remove_files(settings: Settings, table: str, paths: list[str]) -> Removed:
    """Remove files of a table from the disk; those that are gone already are not counted."""
    root = Path(table_uri(settings, table))
    files = size = 0
    for path in paths:
        try:
            found = (root / path).stat().st_size
            (root / path).unlink()
        except FileNotFoundError:
            continue
        files, size = files + 1, size + found
    return Removed(files, size)


def _paths(table: DeltaTable) -> list[str]:
    uris = table.file_uris()
    root = table.table_uri.removeprefix("file://").rstrip("/")
    return [uri.removeprefix("file://").removeprefix(root).lstrip("/") for uri in uris]
