"""The journal's retention: records that every table has passed are deleted, with a margin.

Of each partition the newest `KEPT_RECORDS` complete records stay in any case, however old: they say
who owns the group and how far it got, and a group without them would begin at the log's beginning.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from confluent_kafka import TopicPartition

from fraudstream_platform.drain.committer import committed_positions
from fraudstream_platform.drain.journal import COMPLETE, Entry, JournalReader, Kind
from fraudstream_platform.drain.kafka import admin
from fraudstream_platform.drain.positions import covers
from fraudstream_platform.settings import Settings

KEPT_RECORDS = 100
"""The drain sensor looks at as many heartbeats; a committer starts from a few flushes."""
_HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Trim:
    """What becomes of one journal partition. Offsets; `before` says where its records began."""

    partition: int
    before: int
    to: int
    reason: str

    @property
    def offsets(self) -> int:
        """How many offsets go, transaction markers included."""
        return self.to - self.before


def plan_trim(
    partition: int,
    low: int,
    aged: int,
    newest: Sequence[Entry],
    committed: Mapping[int, int] | None,
) -> Trim:
    """How far to trim one partition.

    `low` is its first offset, `aged` the first that is younger than the margin, `newest` its newest
    complete records from the oldest on, `committed` the positions that all tables have passed
    (None where a table has none). Where the tables have passed the oldest of `newest`, they have
    passed everything before it: positions in the journal only go forward.
    """
    if len(newest) < KEPT_RECORDS:
        return Trim(partition, low, low, f"only {len(newest)} complete records")
    oldest = newest[0]
    if committed is None:
        return Trim(partition, low, low, "a table has no position yet")
    if not covers(committed, oldest.flushed):
        return Trim(partition, low, low, f"tables have not passed {dict(oldest.flushed)} yet")
    to = max(low, min(aged, oldest.journal_offset))
    return Trim(partition, low, to, "trimmed" if to > low else "nothing is old enough")


def trim_journal(settings: Settings) -> list[Trim]:
    """Delete what is old enough of every journal partition.

    Raises KafkaException where the broker refuses; nothing that it kept is lost by that.
    """
    margin_ms = round(time.time() * 1000) - settings.journal_kept_hours * _HOUR_MS
    committed = committed_positions(settings, range(settings.topic_partitions))
    journal = JournalReader(settings)
    try:
        trims = [
            plan_trim(
                group,
                journal.beginning(group),
                journal.offset_at(group, margin_ms),
                _of_kinds(journal.tail(group, COMPLETE, KEPT_RECORDS), COMPLETE),
                committed,
            )
            for group in range(settings.drain_groups)
        ]
        trims.append(_plan_heartbeats(settings, journal, margin_ms))
    finally:
        journal.close()
    _delete(settings, [trim for trim in trims if trim.to > trim.before])
    return trims


def _plan_heartbeats(settings: Settings, journal: JournalReader, margin_ms: int) -> Trim:
    """No table waits for a heartbeat."""
    runs = settings.topic_partitions
    newest = _of_kinds(journal.tail(runs, ("run",), KEPT_RECORDS), ("run",))
    low, aged = journal.beginning(runs), journal.offset_at(runs, margin_ms)
    return plan_trim(runs, low, aged, [replace(one, flushed={}) for one in newest], {})


def _of_kinds(entries: Sequence[Entry], kinds: Sequence[Kind]) -> list[Entry]:
    return [entry for entry in entries if entry.kind in kinds]


def _delete(settings: Settings, trims: Sequence[Trim]) -> None:
    if not trims:
        return
    client = admin(settings)  # named, since a future whose client is gone never answers
    asked = [TopicPartition(settings.journal_topic, trim.partition, trim.to) for trim in trims]
    for future in client.delete_records(asked, request_timeout=30).values():
        future.result()
