"""The transactional producer of one partition group: alerts and journal in one atomic unit."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from fraudstream_platform.drain.held import AlertRecord
from fraudstream_platform.drain.journal import COMPLETE, Entry
from fraudstream_platform.drain.kafka import (
    admin,
    reader,
    transactional_producer,
    wait_until_settled,
)
from fraudstream_platform.drain.positions import Positions
from fraudstream_platform.settings import Settings

log = logging.getLogger(__name__)

ALERT_GROUP = "fraudstream.alerts"
LAKE_GROUP = "fraudstream.lake"
_FENCED = {
    KafkaError._FENCED,
    KafkaError.PRODUCER_FENCED,
    KafkaError.INVALID_PRODUCER_EPOCH,
    KafkaError.INVALID_PRODUCER_ID_MAPPING,
    KafkaError.TRANSACTION_COORDINATOR_FENCED,
}
_PATIENCE_SECONDS = 120.0
_MIRROR_SECONDS = 1.0
"""Who watches lag looks every few seconds; two commits of offsets a transaction cost the broker as
much as the transaction."""


class FencedError(RuntimeError):
    """The producer can write no more: another one has initialised after it, or it is broken.

    Both look alike from here; whoever is still the newest owner initialises a new one.
    """


class Ledger:
    """Writes a group's transactions. Progress is mirrored to consumer groups, never read back."""

    def __init__(self, settings: Settings, group: int) -> None:
        self._settings = settings
        self._group = group
        raw = settings.transactions_topic
        self._producer: Producer = transactional_producer(
            settings, f"fraudstream.drain.{raw}.{group}"
        )
        self._mirrors: list[Consumer] = [
            reader(settings, name) for name in (ALERT_GROUP, LAKE_GROUP)
        ]
        self._mirrored_at = -math.inf
        self._admin = admin(settings)
        for client in (self._producer, self._admin):  # opens their connections
            client.list_topics(settings.journal_topic, timeout=30)

    def close(self) -> None:
        """Release the clients' threads and sockets."""
        for consumer in self._mirrors:
            consumer.close()

    def fence(self) -> None:
        """Every earlier producer of this group can write no more, and what they wrote can be read."""
        _patiently(lambda: self._producer.init_transactions(10.0))
        wait_until_settled(self._admin, self._settings.journal_topic, [self._group])

    def commit(
        self,
        entries: Sequence[Entry],
        alerts: Sequence[AlertRecord],
        seals: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """One transaction with all of them; raises FencedError where the right is lost."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                self._write(entries, alerts, seals)
                _patiently(lambda: self._producer.commit_transaction(10.0))
            except KafkaException as error:
                self._abort_or_raise(error, deadline)
            else:
                self._mirror(entries[-1])
                return

    def _write(
        self,
        entries: Sequence[Entry],
        alerts: Sequence[AlertRecord],
        seals: Sequence[tuple[str, bytes]],
    ) -> None:
        self._producer.begin_transaction()
        for alert in alerts:
            self._producer.produce(
                self._settings.fraud_alerts_topic, value=alert.value, key=alert.key
            )
        for token, sealed in seals:
            self._producer.produce(self._settings.vault_topic, value=sealed, key=token.encode())
        for entry in entries:
            self._producer.produce(
                self._settings.journal_topic,
                value=entry.to_bytes(),
                key=f"group-{entry.group}".encode(),
                partition=self._group,
            )

    def _mirror(self, newest: Entry) -> None:
        """Show progress to consumer-group tools, once it is true.

        Not within the transaction: that takes four more requests on an alert's way, and a client
        whose broker was killed in the middle of them waits for ever, whatever its timeout.
        """
        now = time.monotonic()
        if newest.kind not in COMPLETE and now - self._mirrored_at < _MIRROR_SECONDS:
            return
        self._mirrored_at = now
        for consumer, positions in zip(
            self._mirrors, (newest.stepped, newest.flushed), strict=True
        ):
            consumer.commit(offsets=self._topic_partitions(positions), asynchronous=True)

    def _topic_partitions(self, positions: Positions) -> list[TopicPartition]:
        topic = self._settings.transactions_topic
        return [TopicPartition(topic, p, offset) for p, offset in positions.items()]

    def _abort_or_raise(self, error: KafkaException, deadline: float) -> None:
        _raise_if_fenced(error)
        cause: KafkaError = error.args[0]
        if time.monotonic() > deadline:
            raise error
        log.warning("transaction aborted and written again: %s", cause.str())
        _patiently(lambda: self._producer.abort_transaction(10.0))


def _raise_if_fenced(error: KafkaException) -> None:
    cause: KafkaError = error.args[0]
    # A broker that was killed may have forgotten the transaction, which is fatal to its producer.
    if cause.code() in _FENCED or cause.fatal():
        raise FencedError(cause.str()) from None


def _patiently(call: Callable[[], object]) -> None:
    """Repeat a call that librdkafka says can be repeated, as while the broker is away."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            call()
        except KafkaException as error:
            _raise_if_fenced(error)
            if not error.args[0].retriable() or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
