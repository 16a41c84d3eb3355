"""A task's end of the entities topic: what other tasks saw comes in, what its steps saw goes out.

1. The topic is read all the time, off nobody's way: what comes is handed to the exchange.
2. A batch may be stepped once the topic has been read up to a second before its newest record: a
   later message proves it, or the topic's end, asked of the broker after that moment. Live, that
   has always happened by then.
3. An owner tells the touches of its steps, one message a step. A standby holds its own until it
   sees them told; whoever takes over tells what is left. What is told twice is known by its offset.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from fraudstream_platform.detection.exchange import VISIBLE_AFTER_MS, Exchange
from fraudstream_platform.detection.exchange_touches import Touches, joined
from fraudstream_platform.drain.kafka import (
    admin,
    ask_stable_ends,
    partition_count,
    plain_producer,
    reader,
    watermarks,
)
from fraudstream_platform.drain.read_proof import ReadProof
from fraudstream_platform.drain.registry import SchemaSource
from fraudstream_platform.drain.touches import TouchCodec
from fraudstream_platform.settings import Settings

log = logging.getLogger(__name__)

_PARTITION = 0
_FETCH_WAIT_MS = 250
_FETCH_BYTES = 16_384
_MOST_MESSAGES = 500
_AHEAD_MS = 60_000
"""While it steps old records a task reads the topic no further than this past them."""
_ASK_SECONDS = 0.25
_ANSWER_SECONDS = 2.0
_STALE_SECONDS = 0.6
"""Proof as old as this is renewed, so that a record that comes then need not wait for it."""
_WAIT_SECONDS = 0.005
_PATIENCE_SECONDS = 10.0
_SENDING: dict[str, str | int | bool] = {"linger.ms": 50, "compression.type": "lz4"}
_FAREWELL_SECONDS = 1.0


class Entities:
    """Reads the entities topic into an exchange, and writes what is to be told."""

    def __init__(self, settings: Settings, schemas: SchemaSource, exchange: Exchange) -> None:
        """Read on from the exchange's position; raises RegistryDownError or TopicMissingError."""
        self._settings = settings
        self._topic = settings.entities_topic
        self._exchange = exchange
        self._codec = TouchCodec(settings, schemas)
        self._admin = admin(settings)
        waits = {"fetch.wait.max.ms": _FETCH_WAIT_MS, "fetch.min.bytes": _FETCH_BYTES}
        self._consumer = reader(settings, "fraudstream.entities", **waits)
        partition_count(self._consumer, self._topic)
        low, _ = watermarks(self._consumer, self._topic, _PARTITION)
        exchange.position = max(low, exchange.position)
        self._consumer.assign([TopicPartition(self._topic, _PARTITION, exchange.position)])
        self._producer: Producer | None = None
        self._held: list[Touches] = []
        self._needed_ms: int | None = None
        self._read_ms = 0
        self._proof = ReadProof()
        self._proof.read(exchange.position)
        self._asked: Future[Any] | None = None
        self._asked_at = 0.0
        self._waiting_since: float | None = None
        self.waited_seconds = 0.0
        self.told_touches = self.told_bytes = 0

    def close(self) -> None:
        """Send what is on its way and release the clients; a successor tells what got lost."""
        if self._producer is not None:
            self._producer.flush(_FAREWELL_SECONDS)
        self._consumer.close()

    def follow(self) -> None:
        """Read what is there while no record waits."""
        if self._needed_ms is not None:
            self._read(0)
            self._prove()

    def is_read_for(self, append_ms: int) -> bool:
        """Whether a record appended then can be stepped; waits a few ms where it cannot.

        True after long vain waiting, too: alerts go on, though a rebuild may count more.
        """
        self._needed_ms = needed = append_ms - VISIBLE_AFTER_MS
        if self._read_ms < needed + _AHEAD_MS:
            self._read(0)
        self._prove()
        now = time.monotonic()
        if self._proof.until_ms >= needed:
            self._waiting_since = None
            return True
        if self._waiting_since is None:
            self._waiting_since = now
        elif now - self._waiting_since > _PATIENCE_SECONDS:
            log.error("%s cannot be read up to %d; stepping without", self._topic, needed)
            self._waiting_since = None
            return True
        self._read(_WAIT_SECONDS)
        self.waited_seconds += time.monotonic() - now
        return False

    def hold(self, touches: Touches) -> None:
        """Keep the touches of a step until they are told."""
        if len(touches):
            self._held.append(touches)

    def tell(self) -> None:
        """Send what is held and not told yet; returns at once."""
        if not self._held:
            return
        touches = joined(self._held)
        self._held = []
        if self._producer is None:
            self._producer = plain_producer(self._settings, **_SENDING)
        for value in self._codec.messages(touches.where(self._exchange.untold(touches))):
            try:
                self._producer.produce(
                    self._topic, value=value, partition=_PARTITION, on_delivery=_note_loss
                )
            except BufferError:
                log.error("touches are lost: the broker has taken none for minutes")
                continue
            self.told_bytes += len(value)
        self.told_touches += len(touches)
        self._producer.poll(0)

    def _read(self, timeout: float) -> None:
        values: list[bytes] = []
        appended: list[int] = []
        for message in self._consumer.consume(_MOST_MESSAGES, timeout):
            offset, error = message.offset(), message.error()
            if error is None:
                values.append(message.value() or b"")
                appended.append(message.timestamp()[1])
                self._exchange.position = (offset or 0) + 1
            elif error.code() == KafkaError._PARTITION_EOF:
                self._proof.read(offset or 0)
            elif error.fatal():
                raise RuntimeError(f"{self._topic}: {error.str()}")
        if values:
            self._exchange.accept(*self._codec.read(values, appended))
            self._read_ms = appended[-1]
            self._proof.read(self._exchange.position, self._read_ms)
            self._held = [part for part in self._held if self._exchange.untold(part).any()]

    def _prove(self) -> None:
        """Where no message proves it, the topic's end does, asked now and then."""
        self._take_answer()
        now = time.time()
        recent = now - self._asked_at < _ASK_SECONDS
        is_stale = self._proof.until_ms < 1000 * (now - _STALE_SECONDS)
        if self._asked is None and is_stale and not recent:
            self._asked_at = now
            asked = ask_stable_ends(self._admin, self._topic, [_PARTITION], _ANSWER_SECONDS)
            self._asked = asked[_PARTITION]

    def _take_answer(self) -> None:
        if self._asked is None or not self._asked.done():
            return
        asked, self._asked = self._asked, None
        try:
            self._proof.found_end(asked.result().offset, int(1000 * self._asked_at))
        except KafkaException as error:
            log.warning("waiting for the broker: %s", error)
            self._admin = admin(self._settings)  # it keeps epochs that a restarted broker refuses


def _note_loss(error: KafkaError | None, _: Message) -> None:
    if error is not None:
        log.error("touches are lost, counts across partitions will be low: %s", error.str())
