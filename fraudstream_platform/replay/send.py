"""Sends prepared chunks to Kafka: seals, then the records at their times, then their labels."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as Delivered
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, SchemaRegistryError

from fraudstream_platform.connection import registry_client
from fraudstream_platform.contracts.codec import Encoder
from fraudstream_platform.contracts.schemas import avro_schema, avro_text
from fraudstream_platform.drain.kafka import plain_producer
from fraudstream_platform.errors import UserError
from fraudstream_platform.protection.keys import bulk_sealer_of
from fraudstream_platform.replay.check import Checker
from fraudstream_platform.replay.convert import Converter
from fraudstream_platform.replay.mapping import Mapping
from fraudstream_platform.replay.pace import Pace
from fraudstream_platform.replay.prepare import Message, Prepared, Preparer
from fraudstream_platform.replay.report import Report
from fraudstream_platform.replay.rows import Numbered
from fraudstream_platform.settings import Settings
from fraudstream_platform.token_links import settled_tokeniser, tell_links

_METADATA_S = 10.0
_FLUSH_S = 60.0
_POLL_S = 0.1
_GIVE_UP_MS = 45_000
"""A broker that is away for longer ends the replay with a message."""


def now_ms() -> int:
    """Epoch ms."""
    return time.time_ns() // 1_000_000


class Replay:
    """One replay against a broker and a registry; raises `UserError` where either is away."""

    def __init__(self, settings: Settings, mapping: Mapping, speed: float) -> None:
        self._raw, self._vault = settings.transactions_topic, settings.vault_topic
        self._labels = settings.fraud_labels_topic
        self._failed: Counter[str] = Counter()
        self._failure = ""
        self._producer = _producer(settings)
        _require_topics(self._producer, settings, (self._raw, self._vault, self._labels))
        registry = registry_client(settings, timeout=5, max_retries=1)
        self._settings = settings
        self._tokeniser = settled_tokeniser(settings)
        self._preparer = Preparer(
            Converter(mapping, self._tokeniser),
            Checker(
                _schema_id(registry, settings, self._raw, "transaction"),
                settings.silver_quality_threshold,
                settings.max_record_bytes,
                settings.oldest_event_days,
            ),
            Encoder(
                _schema_id(registry, settings, self._labels, "transaction_label"),
                avro_schema("transaction_label"),
            ),
            bulk_sealer_of(settings),
            Pace(speed, now_ms),
            now_ms,
        )

    def run(self, rows: Iterator[Numbered], report: Report) -> None:
        """Send every row and fill in `report`; raises `UserError` where a record was not taken."""
        started = time.monotonic()
        try:
            for prepared in self._preparer.chunks(rows):
                report.note(prepared)
                self._send_chunk(prepared, report)
                if self._failed:
                    break
        finally:
            left = self._producer.flush(_FLUSH_S)
            report.seconds = round(time.monotonic() - started, 3)
            report.sent -= self._failed[self._raw]
            report.seals_sent -= self._failed[self._vault]
            report.labels_sent -= self._failed[self._labels]
            report.not_delivered = dict(+self._failed)
        if left or self._failed:
            count = left + self._failed.total()
            raise UserError(f"{count} records were not delivered: {self._failure or 'no answer'}")

    def _send_chunk(self, prepared: Prepared, report: Report) -> None:
        for key, value in prepared.seals:
            self._send(self._vault, key, value)
        report.seals_sent += len(prepared.seals)
        tell_links(self._settings, self._producer, self._tokeniser.links.take_made())
        for message in prepared.messages:
            self._wait_for(message)
            self._send(self._raw, message.key, message.value)
            report.sent += 1
            if message.label is not None:
                self._send(self._labels, *message.label)
                report.labels_sent += 1
        self._producer.poll(0)

    def _wait_for(self, message: Message) -> None:
        """Wait until the record is due, and hear meanwhile what became of those before."""
        while (wait := message.due_ms - now_ms()) > 0:
            self._producer.poll(min(wait / 1000, _POLL_S))

    def _send(self, topic: str, key: bytes, value: bytes) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, on_delivery=self._on_delivery)
            except BufferError:  # the local queue is full: the broker is slower than the file
                self._producer.poll(_POLL_S)
            else:
                return

    def _on_delivery(self, error: KafkaError | None, message: Delivered) -> None:
        if error is not None:
            self._failed[str(message.topic())] += 1
            self._failure = error.str()


def _producer(settings: Settings) -> Producer:
    overrides: dict[str, str | int | bool] = {
        "client.id": "fraudstream-replay",
        "linger.ms": 20,
        # The partitioner of the Java clients, so that every source keys alike.
        "partitioner": "murmur2_random",
        "message.timeout.ms": _GIVE_UP_MS,
        "queue.buffering.max.kbytes": 65_536,
        # Success needs no callback: flush() says that all are gone, errors are counted.
        "delivery.report.only.error": True,
    }
    return plain_producer(settings, **overrides)


def _require_topics(producer: Producer, settings: Settings, topics: tuple[str, ...]) -> None:
    try:
        known = producer.list_topics(timeout=_METADATA_S).topics
    except KafkaException:
        raise UserError(f"no Kafka broker answers at {settings.bootstrap}") from None
    missing = [topic for topic in topics if topic not in known]
    if missing:
        raise UserError(f"topic {missing[0]} does not exist; run `fraudstream setup`")


def _schema_id(registry: SchemaRegistryClient, settings: Settings, topic: str, name: str) -> int:
    """Id of `schemas/<name>.avsc` under the topic's subject."""
    subject = f"{topic}-value"
    try:
        found: int = registry.register_schema(subject, Schema(avro_text(name), "AVRO"))
    except SchemaRegistryError as error:
        raise UserError(f"the schema registry refuses {subject}: {error}") from None
    except Exception as error:  # noqa: BLE001 - any transport error of the client
        raise UserError(
            f"no schema registry answers at {settings.registry_url} ({type(error).__name__})"
        ) from None
    return found
