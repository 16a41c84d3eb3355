"""librdkafka settings of every client, in one place."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Any

from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec

from fraudstream_platform.connection import Config, kafka_connection
from fraudstream_platform.drain.positions import covers
from fraudstream_platform.settings import Settings

_LOOK_S = 0.05
_SAME_FETCH_S = 0.002
"""The partitions of one fetch response become readable one after the other, within this time."""


_CONNECTION: Config = {
    "reconnect.backoff.ms": 100,
    "reconnect.backoff.max.ms": 1000,
    # A broker that is away would fill the log with every attempt to reach it; what waits says so.
    "log_level": 2,
}


class TopicMissingError(RuntimeError):
    """A topic that the drain needs is not there; `fraudstream setup` creates it."""


def admin(settings: Settings) -> AdminClient:
    """An admin client of the broker."""
    return AdminClient({**kafka_connection(settings), **_CONNECTION})


def reader(settings: Settings, group: str, **overrides: str | int | bool) -> Consumer:
    """A consumer with explicit offsets: it never commits, never resets, reads only committed."""
    config: Config = {
        **kafka_connection(settings),
        "group.id": group,
        "enable.auto.commit": False,
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
        "fetch.wait.max.ms": 20,
        "fetch.error.backoff.ms": 20,
        **_CONNECTION,
        **overrides,
    }
    return Consumer(config)


def arrivals(consumer: Consumer, count: int, timeout: float) -> list[Message]:
    """What is there, as soon as anything is; an empty list after `timeout` seconds without.

    `consume` alone would wait for all `count` messages or for the whole timeout.
    """
    first = consumer.consume(1, timeout)
    return first + consumer.consume(count - 1, _SAME_FETCH_S) if first else first


def records_to_end(
    consumer: Consumer, topic: str, partition: int, newest: int | None = None
) -> Iterator[Message]:
    """Committed records up to where the partition ends now; of `newest` offsets before it alone.

    Raises KafkaException.
    """
    low, high = watermarks(consumer, topic, partition)
    if low >= high:
        return
    start = low if newest is None else max(low, high - newest)
    consumer.assign([TopicPartition(topic, partition, start)])
    while True:
        for message in consumer.consume(500, 0.1):
            error = message.error()
            if error is None:
                yield message
            elif error.code() != KafkaError._PARTITION_EOF:
                raise KafkaException(error)
            elif (message.offset() or 0) >= high:
                return


def transactional_producer(settings: Settings, transactional_id: str) -> Producer:
    """The one producer of a partition group; its transactions are the commit protocol."""
    return Producer(
        {
            **kafka_connection(settings),
            "transactional.id": transactional_id,
            # Short, so that a dead owner's open transaction stalls read_committed readers briefly.
            "transaction.timeout.ms": 4000,
            "linger.ms": 0,
            # While the markers of the transaction before are written, the broker asks to try again.
            "retry.backoff.ms": 10,
            "acks": "all",
            "message.max.bytes": 8_000_000,
            **_CONNECTION,
        }
    )


def plain_producer(settings: Settings, **overrides: str | int | bool) -> Producer:
    """An idempotent producer for records that need no transaction."""
    config: Config = {
        **kafka_connection(settings),
        "enable.idempotence": True,
        "acks": "all",
        **_CONNECTION,
        **overrides,
    }
    return Producer(config)


def topic_id(settings: Settings, topic: str) -> str:
    """Kafka's own id of a topic: a topic deleted and made again has another one."""
    client = admin(settings)  # named, since a future whose client is gone never answers
    future = client.describe_topics(TopicCollection([topic]), request_timeout=10)[topic]
    try:
        return str(future.result().topic_id)
    except KafkaException as error:
        raise TopicMissingError(f"{topic}: {error}; run `fraudstream setup`") from None


def partition_count(consumer: Consumer, topic: str) -> int:
    """How many partitions the topic has; raises TopicMissingError where there is none."""
    metadata = consumer.list_topics(topic, timeout=10).topics[topic]
    if metadata.error is not None or not metadata.partitions:
        raise TopicMissingError(f"{topic} does not exist; run `fraudstream setup`")
    return len(metadata.partitions)


def watermarks(consumer: Consumer, topic: str, partition: int) -> tuple[int, int]:
    """Low and high watermark as the broker answers now (never the client's cache)."""
    low, high = consumer.get_watermark_offsets(
        TopicPartition(topic, partition), timeout=10, cached=False
    )
    return low, high


def ask_stable_ends(
    client: AdminClient, topic: str, partitions: Sequence[int], timeout: float = 10.0
) -> dict[int, Future[Any]]:
    """Futures of the last stable offsets (`.offset`), by partition; they end within `timeout` s."""
    return _ask_ends(client, topic, partitions, IsolationLevel.READ_COMMITTED, timeout)


def _ask_ends(
    client: AdminClient,
    topic: str,
    partitions: Sequence[int],
    isolation: IsolationLevel,
    timeout: float = 10.0,
) -> dict[int, Future[Any]]:
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    asked = {TopicPartition(topic, p): latest for p in partitions}
    futures = client.list_offsets(asked, isolation_level=isolation, request_timeout=timeout)
    return {place.partition: future for place, future in futures.items()}


def stable_ends(client: AdminClient, topic: str, partitions: Sequence[int]) -> dict[int, int]:
    """Last stable offsets of many partitions, in one request that waits behind no fetch."""
    futures = ask_stable_ends(client, topic, partitions)
    return {partition: future.result().offset for partition, future in futures.items()}


def sole_producer(
    settings: Settings, transactional_id: str, topic: str, partitions: Sequence[int], seconds: float
) -> Producer:
    """The one producer of an id, once earlier ones can write no more and what they wrote can be read.

    `topic` and `partitions` are where it will read back what they did. Raises KafkaException.
    """
    producer = transactional_producer(settings, transactional_id)
    producer.init_transactions(seconds)
    wait_until_settled(admin(settings), topic, partitions)
    return producer


def wait_until_settled(client: AdminClient, topic: str, partitions: Sequence[int]) -> None:
    """Return once all that lies in the partitions now can be read, or never will be.

    An open transaction, be it a stranger's, hides from readers what was committed after it began:
    who reads to the stable end then takes an old state for the newest.
    """
    asked = _ask_ends(client, topic, partitions, IsolationLevel.READ_UNCOMMITTED)
    ends = {partition: future.result().offset for partition, future in asked.items()}
    while not covers(stable_ends(client, topic, partitions), ends):
        time.sleep(_LOOK_S)
