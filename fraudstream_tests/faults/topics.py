"""Reads of a topic from given offsets, as an outside consumer under read_committed sees it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from fraudstream_platform.drain.kafka import partition_count, reader, watermarks
from fraudstream_platform.settings import Settings

Positions = dict[int, int]


class Topic:
    """A topic that is read on where it was left."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._settings = settings
        self._name = name
        consumer = reader(settings, f"fraudstream.faults.{name}")
        try:
            self.positions: Positions = dict.fromkeys(range(partition_count(consumer, name)), 0)
        finally:
            consumer.close()

    def read(self, upto: Mapping[int, int] | None = None) -> Iterator[Message]:
        """Messages before `upto` (else before the ends that the broker names now), by partition."""
        consumer = reader(self._settings, f"fraudstream.faults.{self._name}")
        try:
            ends = dict(upto) if upto is not None else self._ends(consumer)
            unread = {p for p, end in ends.items() if self.positions[p] < end}
            consumer.assign([TopicPartition(self._name, p, self.positions[p]) for p in unread])
            while unread:
                for message in consumer.consume(2_000, 0.05):
                    partition, offset = message.partition(), message.offset()
                    if partition not in unread or offset is None:
                        continue
                    error = message.error()
                    if error is None and offset < ends[partition]:
                        self.positions[partition] = offset + 1
                        yield message
                    if error is not None and error.code() != KafkaError._PARTITION_EOF:
                        continue  # the broker is away: the client asks again
                    if (offset + (error is None)) >= ends[partition]:
                        self.positions[partition] = max(self.positions[partition], ends[partition])
                        unread.discard(partition)
        finally:
            consumer.close()

    def _ends(self, consumer: Consumer) -> Positions:
        """Where the topic ends now; a broker that was just killed answers a little later."""
        while True:
            try:
                return {p: watermarks(consumer, self._name, p)[1] for p in self.positions}
            except KafkaException:
                time.sleep(0.5)
