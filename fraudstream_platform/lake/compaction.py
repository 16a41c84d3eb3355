"""Joining the small files of one partition of a table: other files, the same rows.

1. See the partition's files and plan bins of small ones.
2. Write each bin's rows to one file, whole and fsynced.
3. Load the newest table. Where a file of a bin is gone (a rebuild, another compaction), throw away
   what was written and leave the partition alone.
4. Commit removals and additions on that same object, marked as no change of data; on conflict (the
   committer came first) go on at 3.

Recorded positions are application transactions of their own, which no file carries: a batch
that comes again after a compaction is as much a repeat as before. A crash leaves files that no
table names, which the sweep of orphans takes.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fraudstream_platform.lake.actions import (
    HeldFile,
    additions,
    held_files,
    removals,
    try_commit,
)
from fraudstream_platform.lake.commit import CommitContendedError
from fraudstream_platform.lake.content import joined_name
from fraudstream_platform.lake.files import DataFile, discard
from fraudstream_platform.lake.joining import join_files
from fraudstream_platform.lake.tables import open_table, partition_column, table_uri
from fraudstream_platform.settings import Settings

NO_NEW_ROWS = {"fraudstream.brings": "no rows"}
"""Custom metadata of housekeeping's commits: who looks for new rows passes them over."""
_ATTEMPTS = 50


@dataclass(frozen=True)
class Compacted:
    """What became of one partition: files and bytes that were joined, and those that they became."""

    table: str
    partition: str
    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int
    rows: int
    is_changed_meanwhile: bool = False
    """True where somebody replaced the files first; the partition was left as it is."""


def plan_bins(
    files: Sequence[HeldFile], target_bytes: int, fewest: int = 2
) -> list[list[HeldFile]]:
    """Which of one partition's files to join: neighbours, up to `target_bytes` together.

    Nothing where that would save fewer than `fewest` - 1 files. Two bins side by side are larger
    than the target together, so what was joined once is not joined again.
    """
    bins: list[list[HeldFile]] = []
    filled = target_bytes
    for file in files:
        if filled + file.size > target_bytes:
            bins.append([])
            filled = 0
        bins[-1].append(file)
        filled += file.size
    joined = [one for one in bins if len(one) > 1]
    saved = sum(len(one) - 1 for one in joined)
    return joined if saved >= max(1, fewest - 1) else []


def compact_partition(
    settings: Settings, table: str, bins: Sequence[Sequence[HeldFile]]
) -> Compacted:
    """Join each bin of files (all of one partition) into one file, in one commit.

    Raises OSError where a file cannot be read or written; nothing is committed then.
    """
    sources = [file for one in bins for file in one]
    written: list[DataFile] = []
    try:
        for one in bins:
            written.append(_join(settings, table, one))
    except BaseException:
        discard(settings, written)
        raise
    is_done = _swap(settings, table, sources, written)
    if not is_done:
        discard(settings, written)
    return Compacted(
        table,
        sources[0].partition,
        len(sources),
        len(written) if is_done else len(sources),
        sum(file.size for file in sources),
        sum(file.size for file in written if is_done),
        sum(file.rows for file in sources),
        not is_done,
    )


def _join(settings: Settings, table: str, sources: Sequence[HeldFile]) -> DataFile:
    root, partition = Path(table_uri(settings, table)), sources[0].partition
    name = joined_name(uuid.uuid4().hex, (file.path for file in sources))
    relative = f"{partition_column(table)}={partition}/{name}"
    rows = join_files([root / file.path for file in sources], root / relative)
    return DataFile(table, relative, (root / relative).stat().st_size, rows, partition)


def _swap(
    settings: Settings, table: str, sources: Sequence[HeldFile], written: Sequence[DataFile]
) -> bool:
    """Commit; False, and nothing is committed, where one of `sources` is not there any more."""
    column = partition_column(table)
    for _ in range(_ATTEMPTS):
        opened = open_table(settings, table)
        present = {file.path for file in held_files(opened, column)}
        if not present.issuperset(file.path for file in sources):
            return False
        actions = [
            *removals(sources, column, changes_data=False),
            *additions(written, column, changes_data=False),
        ]
        if try_commit(opened, column, actions, metadata=NO_NEW_ROWS):
            return True
    discard(settings, written)
    raise CommitContendedError(f"{table}: {_ATTEMPTS} compactions lost to rivals")
