"""How a source sends: its Kafka clients, its patience with a full queue, what was not delivered."""

from __future__ import annotations

import logging
import time

from confluent_kafka import KafkaError, Message, Producer

from fraudstream_platform.connection import kafka_connection
from fraudstream_platform.settings import Settings
from fraudstream_platform.simulator.summary import Summary

logger = logging.getLogger(__name__)

LINGER_MS = 2
UNHURRIED_LINGER_MS = 500
"""Seals and labels are in no hurry; large batches of them spare the broker."""
_QUEUE_FULL_WAIT_S = 0.02


class Deliveries:
    """Counts what was not delivered into a summary, and tells each cause once."""

    def __init__(self, summary: Summary) -> None:
        self._summary = summary
        self._reported: set[tuple[str, str]] = set()

    def note(self, error: KafkaError | None, message: Message) -> None:
        """A client's report on one message."""
        if error is None:
            return
        self._summary.delivery_errors += 1
        seen = (str(message.topic()), error.name())
        if seen not in self._reported:  # one line a cause, however many records it cost
            self._reported.add(seen)
            logger.error("records are not delivered to %s: %s", *seen)


def source_producer(
    settings: Settings, client_id: str, linger_ms: int, deliveries: Deliveries
) -> Producer:
    """A source's client: every record is acknowledged by all and kept in order."""
    return Producer(
        {
            **kafka_connection(settings),
            "client.id": client_id,
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": linger_ms,
            # Batches are small and seals do not shrink: lz4 cost 8 us a record and more slip.
            "compression.type": "none",
            # The partitioner of the Java clients, so that every language keys alike.
            "partitioner": "murmur2_random",
            "queue.buffering.max.messages": 500_000,
            # Success needs no callback: flush() says that all are gone, errors are counted.
            "delivery.report.only.error": True,
            "on_delivery": deliveries.note,
        }
    )


def send(producer: Producer, topic: str, key: bytes | None, value: bytes) -> None:
    """Hand over one message, as soon as the client's queue takes it."""
    while True:
        try:
            producer.produce(topic, value, key)
        except BufferError:  # the local queue is full: the broker is slower than the schedule
            producer.poll(_QUEUE_FULL_WAIT_S)
        else:
            return


def wait_until(at_s: float) -> None:
    """Sleep until a moment, epoch seconds; a late caller does not wait."""
    wait = at_s - time.time()
    if wait > 0:
        time.sleep(wait)
