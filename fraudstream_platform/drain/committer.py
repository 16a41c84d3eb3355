"""The committer: brings journaled files into the Delta tables, each exactly once.

Several committers may be alive at once (a dying run's and its successor's); `lake.commit` lets
every file in once, whoever brings it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from fraudstream_platform.drain.crash_points import crash_point
from fraudstream_platform.drain.journal import Entry, JournalReader
from fraudstream_platform.drain.kafka import topic_id
from fraudstream_platform.drain.positions import Positions, covers, group_partitions
from fraudstream_platform.lake.commit import Batch, TableAppender, recorded_versions
from fraudstream_platform.lake.tables import DRAINED, open_table
from fraudstream_platform.settings import Settings

log = logging.getLogger(__name__)


def application_of(settings: Settings) -> str:
    """Application id of the drained tables; it holds the topic's id, so a new topic is noticed."""
    return f"fraudstream.{topic_id(settings, settings.transactions_topic)}"


def committed_positions(settings: Settings, partitions: Sequence[int]) -> Positions | None:
    """The lowest positions that all drained tables have committed; None where one has none."""
    application = application_of(settings)
    lowest: Positions = {}
    for table in DRAINED:
        versions = recorded_versions(open_table(settings, table), application, partitions)
        for partition, version in versions.items():
            if version is None:
                return None
            lowest[partition] = min(version, lowest.get(partition, version))
    return lowest


class Committer:
    """Follows all groups' journals and commits their flushes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        application = application_of(settings)
        self._tables = {name: TableAppender(settings, name, application) for name in DRAINED}
        self._journal = JournalReader(settings)
        self._waiting: list[Entry] = []
        self.committed: Positions = {}
        """Positions that every table has passed, as far as this committer has seen."""
        self._begin()

    def close(self) -> None:
        """Release the client."""
        self._journal.close()

    def poll(self, timeout: float) -> list[Entry]:
        """Read new journal entries (at most `timeout` s); flushes among them wait for `commit`."""
        entries = list(self._journal.poll(timeout))
        self._waiting.extend(entry for entry in entries if entry.kind == "flush")
        return entries

    def commit(self) -> int:
        """Commit every waiting flush to every table; returns Bronze rows added.

        What is waiting stays so until all tables have it: each table keeps its own position, so a
        crash between two of them is made good by the next call, in this process or another.
        """
        if not self._waiting:
            return 0
        batches = [
            Batch(entry.start, entry.flushed, entry.files, entry.origin) for entry in self._waiting
        ]
        crash_point(self._settings, "flush_journaled")
        added: dict[str, int] = {}
        for name, table in self._tables.items():
            added[name] = table.commit(batches)
            crash_point(self._settings, "between_tables")
        for entry in self._waiting:
            self.committed.update(entry.flushed)
        self._waiting.clear()
        return added["bronze.transactions"]

    def has_committed(self, positions: Positions) -> bool:
        """True where every table has passed `positions`."""
        return covers(self.committed, positions)

    def _begin(self) -> None:
        """Read each group's journal back to what the tables lack, then follow it from there."""
        follow: dict[int, int] = {}
        groups = self._settings.drain_groups
        for group in range(groups):
            partitions = group_partitions(group, groups, self._settings.topic_partitions)
            recorded = committed_positions(self._settings, partitions)
            if recorded is not None:
                self.committed.update(recorded)
            entries = self._journal.back_to(group, recorded)
            self._waiting.extend(entry for entry in entries if entry.kind == "flush")
            follow[group] = entries[-1].journal_offset + 1 if entries else 0
        follow[self._settings.topic_partitions] = self._journal.end(self._settings.topic_partitions)
        self._journal.follow(follow, unhurried=True)
