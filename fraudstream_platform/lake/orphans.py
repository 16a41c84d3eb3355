"""Files that nobody names: left by whoever died between writing them and speaking of them.

A file is named by its table, by a tombstone of it, or by a journal record that the committer has not
brought in yet. It moves in that order only: disk, journal, table, tombstone. So names are read after
the disk, the journal before the table: whatever moves meanwhile is seen in the later place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from fraudstream_platform.lake.actions import held_files
from fraudstream_platform.lake.tables import TABLES, open_table, partition_column, table_uri
from fraudstream_platform.lake.vacuum import Removed, let_go, remove_files
from fraudstream_platform.settings import Settings

Paths = set[str]


def old_files(settings: Settings, table: str, before_s: float) -> Paths:
    """Parquet files under a table's root last written before `before_s` (epoch seconds)."""
    root = Path(table_uri(settings, table))
    found: Paths = set()
    for path in root.glob(f"{partition_column(table)}=*/*.parquet"):
        try:
            is_old = path.stat().st_mtime < before_s
        except FileNotFoundError:  # vacuumed or discarded just now
            continue
        if is_old:
            found.add(path.relative_to(root).as_posix())
    return found


def named_by_table(settings: Settings, table: str) -> Paths:
    """Files of the table's newest version, and those whose tombstones it still has."""
    opened = open_table(settings, table)
    held = {file.path for file in held_files(opened, partition_column(table))}
    return held | set(let_go(opened, 0))


def sweep(
    settings: Settings, before_s: float, journaled: Callable[[], Iterable[tuple[str, str]]]
) -> dict[str, Removed]:
    """Remove files that are older than `before_s` and that nobody names; what went, by table.

    `journaled` gives (table, path) of every file that the journal names. It is asked only where a
    table leaves something unnamed, since it takes a while.
    """
    suspects = {
        table: old_files(settings, table, before_s) - named_by_table(settings, table)
        for table in TABLES
    }
    suspects = {table: paths for table, paths in suspects.items() if paths}
    if not suspects:
        return {}
    named = set(journaled())
    return {
        table: remove_files(settings, table, sorted(paths - named_by_table(settings, table)))
        for table, found in suspects.items()
        if (paths := {path for path in found if (table, path) not in named})
    }
