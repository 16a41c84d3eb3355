"""Facts of the drain: the journal's newest records, and what the tables lack of the raw topic."""

from __future__ import annotations

import time
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, TopicPartition

from fraudstream_platform.doctor.judge_drain import DrainFacts, GroupFacts
from fraudstream_platform.drain.committer import committed_positions
from fraudstream_platform.drain.journal import Entry, JournalReader
from fraudstream_platform.drain.kafka import reader, watermarks
from fraudstream_platform.drain.positions import Positions
from fraudstream_platform.drain.resume import standing_of
from fraudstream_platform.settings import Settings

_PATIENCE_S = 5.0


@dataclass(frozen=True)
class _Log:
    """The raw topic: first offsets that it holds, and the offsets after its last."""

    lows: Positions
    ends: Positions

    def past(self, positions: Positions) -> Positions:
        """Partitions that hold records at or past `positions`, and where these begin."""
        starts = {p: max(low, positions.get(p, low)) for p, low in self.lows.items()}
        return {p: start for p, start in starts.items() if start < self.ends[p]}

    def count(self, starts: Positions) -> int:
        """Records (transaction markers among them) from `starts` on."""
        return sum(self.ends[p] - start for p, start in starts.items())


@dataclass(frozen=True)
class _Tail:
    """A group's newest journal records, and when they were asked for (epoch ms)."""

    entries: list[Entry]
    asked_ms: float

    def facts(self, group: int) -> GroupFacts | None:
        """Ages at the moment of asking: what takes long here is not the group's silence."""
        standing = standing_of(self.entries)
        if standing is None:
            return None
        flushes = [entry.at for entry in self.entries if entry.kind == "flush"]
        return GroupFacts(
            group=group,
            is_final=standing.is_final,
            age_s=_seconds(self.asked_ms - standing.at),
            flush_age_s=_seconds(self.asked_ms - max(flushes)) if flushes else None,
        )


def ask_drain(settings: Settings) -> DrainFacts:
    """Ask broker, journal and tables now; raises KafkaException, FileNotFoundError."""
    tails = _tails(settings)
    told_ms = time.time() * 1000
    flushed: Positions = {}
    for tail in tails:
        standing = standing_of(tail.entries)
        flushed.update(standing.flushed if standing else {})
    consumer = reader(settings, "fraudstream.doctor")
    try:
        log, asked_ms = _log(settings, consumer), time.time() * 1000
        committed = committed_positions(settings, range(settings.topic_partitions)) or {}
        waiting = log.past(committed)
        oldest_ms = _oldest(consumer, settings.transactions_topic, waiting)
    finally:
        consumer.close()
    newest_ms = max((entry.at for tail in tails for entry in tail.entries), default=0)
    return DrainFacts(
        groups=[tail.facts(group) for group, tail in enumerate(tails)],
        lag=log.count(log.past(flushed)),
        waiting=log.count(waiting),
        oldest_waiting_s=None if oldest_ms is None else _seconds(asked_ms - oldest_ms),
        clock_ahead_s=_seconds(newest_ms - told_ms),
    )


def _seconds(milliseconds: float) -> float:
    return max(0.0, milliseconds) / 1000


def _tails(settings: Settings) -> list[_Tail]:
    journal = JournalReader(settings)
    tails = []
    try:
        for group in range(settings.drain_groups):
            asked_ms = time.time() * 1000
            tails.append(_Tail(journal.tail(group, ("flush",)), asked_ms))
    finally:
        journal.close()
    return tails


def _log(settings: Settings, consumer: Consumer) -> _Log:
    topic = settings.transactions_topic
    marks = {p: watermarks(consumer, topic, p) for p in range(settings.topic_partitions)}
    return _Log(
        {p: low for p, (low, _) in marks.items()}, {p: high for p, (_, high) in marks.items()}
    )


def _oldest(consumer: Consumer, topic: str, starts: Positions) -> int | None:
    """Append time (epoch ms) of the oldest record at `starts`; None where there is none."""
    unread = set(starts)
    found: list[int] = []
    consumer.assign([TopicPartition(topic, p, start) for p, start in starts.items()])
    deadline = time.monotonic() + _PATIENCE_S
    while unread and time.monotonic() < deadline:
        message = consumer.poll(0.2)
        if message is None:
            continue
        error, partition = message.error(), message.partition()
        if partition not in unread:
            continue
        if error is None:
            found.append(message.timestamp()[1])
        elif error.code() != KafkaError._PARTITION_EOF:
            continue
        unread.discard(partition)
        consumer.incremental_unassign([TopicPartition(topic, partition)])
    return min(found, default=None)
