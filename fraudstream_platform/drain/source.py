"""Reads a group's raw partitions in natural batches: whatever is there, at most every few ms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from fraudstream_platform.drain.kafka import admin, arrivals, reader, stable_ends, watermarks
from fraudstream_platform.drain.origins import Origin, origin_of
from fraudstream_platform.drain.positions import Positions
from fraudstream_platform.settings import Settings

MAX_BATCH = 8_000
_FETCH_BYTES = 262_144
_PATIENCE_S = 0.1
"""How long a step waits for the first record; whoever has nothing to step looks after the rest."""


@dataclass
class RawBatch:
    """Records in the order they were read, as parallel lists; append times in epoch ms."""

    values: list[bytes] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    partitions: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    append_times: list[int] = field(default_factory=list)
    origins: dict[int, Origin] = field(default_factory=dict)
    """Place in the lists -> origin, of records that are put through again: hardly ever one."""

    def __len__(self) -> int:
        return len(self.values)


def beginnings(settings: Settings, partitions: Sequence[int]) -> Positions:
    """Low watermarks of raw partitions, asked of the broker now."""
    consumer = reader(settings, "fraudstream.raw")
    try:
        topic = settings.transactions_topic
        return {p: watermarks(consumer, topic, p)[0] for p in partitions}
    finally:
        consumer.close()


class OffsetLostError(RuntimeError):
    """The log no longer holds the offset to resume from: rows would be missing."""


class RawSource:
    """The raw partitions of one group, read from given positions and never past `bounds`."""

    def __init__(self, settings: Settings, partitions: Sequence[int], positions: Positions) -> None:
        self._settings = settings
        self._topic = settings.transactions_topic
        self._admin = admin(settings)
        self._consumer = reader(
            settings,
            "fraudstream.raw",
            **{
                "queued.max.messages.kbytes": 32_768,
                "fetch.max.bytes": 16_000_000,
                # The broker gathers what arrives within one step's time: a record waits as long
                # either way, and a fetch an arrival cost it a third of a core at 1,000 a second.
                "fetch.wait.max.ms": settings.step_milliseconds,
                "fetch.min.bytes": _FETCH_BYTES,
            },
        )
        self.partitions = list(partitions)
        self.positions: Positions = dict(positions)
        self.bounds: Positions = {}
        """Boundary offsets found so far; nothing at or past them is given out."""
        self._consumer.assign([TopicPartition(self._topic, p, positions[p]) for p in partitions])

    def close(self) -> None:
        """Release the consumer; the admin client goes with this object, it has no close."""
        self._consumer.close()

    def ends(self) -> Positions:
        """Last stable offsets, asked of the broker now."""
        try:
            return stable_ends(self._admin, self._topic, self.partitions)
        except KafkaException:
            # A client keeps the leader epochs it once learnt, which a restarted broker refuses.
            self._admin = admin(self._settings)
            raise

    def take(self, stop: int | None) -> RawBatch:
        """What is there now, up to the first record appended at or after `stop` (epoch ms).

        A partition whose first such record is met gets its boundary there; None sets none.
        """
        batch = RawBatch()
        for message in arrivals(self._consumer, MAX_BATCH, _PATIENCE_S):
            partition, offset = message.partition(), message.offset()
            error = message.error()
            if error is not None:
                self._note_error(error, partition, offset)
                continue
            if partition is None or offset is None or partition in self.bounds:
                continue
            append_time = message.timestamp()[1]
            if stop is not None and append_time >= stop:
                self.bounds[partition] = offset
                continue
            headers = message.headers()
            if headers and (origin := origin_of(headers)) is not None:
                batch.origins[len(batch)] = origin
            batch.values.append(message.value() or b"")
            key = message.key()
            batch.keys.append(None if key is None else key.decode("utf-8", "replace"))
            batch.partitions.append(partition)
            batch.offsets.append(offset)
            batch.append_times.append(append_time)
            self.positions[partition] = offset + 1
        return batch

    def _note_error(self, error: KafkaError, partition: int | None, offset: int | None) -> None:
        if error.code() == KafkaError._PARTITION_EOF:
            # The end may lie past the last record: transaction markers take offsets too.
            if partition is not None and partition not in self.bounds and offset is not None:
                self.positions[partition] = max(self.positions[partition], offset)
        elif error.code() in (KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._AUTO_OFFSET_RESET):
            raise OffsetLostError(
                f"{self._topic}/{partition}: offset {self.positions.get(partition or 0)} is not in "
                "the log any more; its retention must outlast the drain's pauses"
            )
        elif error.fatal():
            raise RuntimeError(f"{self._topic}: {error.str()}")

    def close_bounds_at(self, ends: Positions) -> None:
        """Set the boundary of every partition that has none and has been read up to `ends`."""
        for partition in self.partitions:
            if partition not in self.bounds and self.positions[partition] >= ends[partition]:
                self.bounds[partition] = self.positions[partition]

    @property
    def is_bounded(self) -> bool:
        """True once every partition's boundary is known."""
        return len(self.bounds) == len(self.partitions)
