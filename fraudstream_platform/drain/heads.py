"""What the sensor needs to know of the stream: lag, and when each run was last heard of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fraudstream_platform.drain.journal import JournalReader
from fraudstream_platform.drain.kafka import partition_count, reader, watermarks
from fraudstream_platform.drain.layout import refuse_other_groups, refuse_other_partitions
from fraudstream_platform.drain.planning import last_heartbeats
from fraudstream_platform.drain.resume import read_standing
from fraudstream_platform.settings import Settings

_RUN_RECORDS = 100


@dataclass(frozen=True)
class Heads:
    """The stream as it stands now."""

    lag: int
    """Offsets in the raw topic past the last journaled flush."""
    heartbeats: Mapping[str, int]
    """Run id -> append time of its newest heartbeat, epoch ms."""


def read_heads(settings: Settings) -> Heads:
    """Ask the broker for watermarks and the journal for its newest entries.

    Raises RegroupError where the raw topic or the journal's groups are not as the settings say.
    """
    ends = _ends(settings)
    journal = JournalReader(settings)
    try:
        standings = [read_standing(journal, group) for group in range(settings.drain_groups)]
        refuse_other_groups(settings, standings)
        flushed = {p: end for one in standings if one is not None for p, end in one.flushed.items()}
        runs = journal.tail(settings.topic_partitions, ("run",), _RUN_RECORDS)
        heartbeats = last_heartbeats([(entry.run_id, entry.at) for entry in runs])
    finally:
        journal.close()
    lag = sum(high - flushed.get(partition, low) for partition, (low, high) in ends.items())
    return Heads(lag, heartbeats)


def _ends(settings: Settings) -> dict[int, tuple[int, int]]:
    """Low and high watermark of every raw partition."""
    topic = settings.transactions_topic
    consumer = reader(settings, "fraudstream.sensor")
    try:
        refuse_other_partitions(settings, partition_count(consumer, topic))
        return {p: watermarks(consumer, topic, p) for p in range(settings.topic_partitions)}
    finally:
        consumer.close()
