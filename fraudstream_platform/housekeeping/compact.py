"""Compaction of the whole lake: every table's closed hours, the oldest first."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby

from fraudstream_platform.drain.positions import Positions
from fraudstream_platform.drain.sealed import committed_soon, read_standings, sealed_hours
from fraudstream_platform.lake.actions import HeldFile, held_files
from fraudstream_platform.lake.compaction import (
    Compacted,
    compact_partition,
    plan_bins,
)
from fraudstream_platform.lake.tables import HOUR, PROFILES, TABLES, open_table, partition_column
from fraudstream_platform.settings import Settings

COMPACTED = [table for table in TABLES if table not in PROFILES]
"""Profiles have one file a version: there is nothing to join."""
_FEWEST = 4
"""A rewrite that would save fewer than three files waits for more of them."""
_REST_MS = 3_600_000
_COMMIT_PATIENCE_S = 30.0

Bins = Sequence[Sequence[HeldFile]]


def plan_table(
    files: Iterable[HeldFile], column: str, closed: Collection[str], now_ms: int, target_bytes: int
) -> list[Bins]:
    """Bins of each partition of a table that is worth compacting, in the partitions' order.

    `files` are in the order of `held_files`. Of a table by hours those in `closed` hours count; of
    another one (the vault) those that came an hour ago or before, as its partitions never close.
    """
    due = [
        file
        for file in files
        if (file.partition in closed if column == HOUR else file.modified_ms < now_ms - _REST_MS)
    ]
    planned = [
        plan_bins(list(part), target_bytes, _FEWEST)
        for _, part in groupby(due, key=lambda file: file.partition)
    ]
    return [bins for bins in planned if bins]


def compact_table(settings: Settings, table: str, closed: Collection[str]) -> Iterator[Compacted]:
    """Compact what is worth it of one table; raises OSError where a file cannot be written."""
    column = partition_column(table)
    files = held_files(open_table(settings, table), column)
    target = settings.compaction_file_megabytes << 20
    for bins in plan_table(files, column, closed, round(time.time() * 1000), target):
        yield compact_partition(settings, table, bins)


def closed_hours(settings: Settings) -> list[str]:
    """Hours of the lake that no group can bring rows to, all of whose rows are in every table.

    Empty where the tables do not catch up with the journal within half a minute.
    """
    standings = read_standings(settings)
    hours = {
        file.partition
        for table in COMPACTED
        if partition_column(table) == HOUR
        for file in held_files(open_table(settings, table), HOUR)
    }
    sealed = sealed_hours(sorted(hours), standings, round(time.time() * 1000))
    flushed: Positions = {}
    for standing in standings:
        flushed.update(standing.flushed if standing is not None else {})
    if sealed and committed_soon(settings, flushed, _COMMIT_PATIENCE_S):
        return sealed
    return []
