"""What the sensor needs to know of the stream: lag, and when each run was last heard of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fraudstream_platform.drain.journal import JournalReader
from fraudstream_platform.drain.kafka import reader, watermarks
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
    """Ask the broker for watermarks and the journal for its newest entries."""
    journal = JournalReader(settings)
    try:
        flushed: dict[int, int] = {}
        for group in range(settings.drain_groups):
            standing = read_standing(journal, group)
            if standing is not None:
                flushed.update(standing.flushed)
        runs = journal.tail(settings.topic_partitions, ("run",), _RUN_RECORDS)
        heartbeats = last_heartbeats([(entry.run_id, entry.at) for entry in runs])
    finally:
        journal.close()
    return Heads(_lag(settings, flushed), heartbeats)


def _lag(settings: Settings, flushed: Mapping[int, int]) -> int:
    consumer = reader(settings, "fraudstream.sensor")
    try:
        lag = 0
        for partition in range(settings.topic_partitions):
            low, high = watermarks(consumer, settings.transactions_topic, partition)
            lag += high - flushed.get(partition, low)
        return lag
    finally:
        consumer.close()
