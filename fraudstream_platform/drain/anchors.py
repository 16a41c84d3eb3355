"""Anchors: the audit trail's head, told to a compacted topic that the lake's owner cannot rewrite.

One record an hour of the trail is kept (key: the hour, value: sequence and hash as JSON). A trail whose
tail was cut off, or that was made anew from some record on, disagrees with them.
"""

from __future__ import annotations

import json
import logging
import time

import polars as pl
from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition
from deltalake.exceptions import DeltaError

from fraudstream_platform.drain.kafka import plain_producer, reader, watermarks
from fraudstream_platform.lake.audit_log import AuditLog
from fraudstream_platform.lake.hours import hour_of
from fraudstream_platform.protection.audit import Head
from fraudstream_platform.settings import Settings

log = logging.getLogger(__name__)

_SEND_SECONDS = 10.0
_PARTITION = 0


class AnchorsUnreadableError(RuntimeError):
    """The topic of anchors cannot be read: whether the trail's tail is there is not known."""


class AnchorKeeper:
    """Anchors the head now and then; a broker that is away costs a warning, not the action."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._log = AuditLog(settings)
        self._producer: Producer | None = None
        self._anchored = 0
        self._due_at = 0.0

    def tick(self) -> None:
        """Send the head where it is new, at most every AUDIT_ANCHOR_SECONDS; waits for nothing."""
        now = time.monotonic()
        if now < self._due_at or not self._settings.audit_logging_enabled:
            return
        self._due_at = now + self._settings.audit_anchor_seconds
        try:
            head = self._log.head()
        except (OSError, DeltaError, pl.exceptions.PolarsError) as error:
            log.warning("the audit trail cannot be read to anchor its head: %s", error)
            return
        if head.sequence > self._anchored:
            self._send(head)

    def close(self) -> None:
        """Wait for what was sent."""
        if self._producer is not None and self._producer.flush(_SEND_SECONDS):
            log.warning("the head of the audit trail is not anchored: the broker does not answer")

    def _send(self, head: Head) -> None:
        if self._producer is None:
            self._producer = plain_producer(
                self._settings, **{"message.timeout.ms": int(_SEND_SECONDS * 1000)}
            )
        value = json.dumps({"sequence": head.sequence, "hash": head.hash})
        topic = self._settings.audit_anchors_topic

        def told(error: KafkaError | None, _: object) -> None:
            if error is not None:
                log.warning(
                    "record %d of the audit trail is not anchored: %s", head.sequence, error
                )
            else:
                self._anchored = max(self._anchored, head.sequence)

        self._producer.produce(
            topic, value, key=hour_of(head.at), partition=_PARTITION, on_delivery=told
        )
        self._producer.poll(0)


def anchor_now(settings: Settings) -> None:
    """Anchor the head and wait for it; a broker that is away is a warning in the log."""
    keeper = AnchorKeeper(settings)
    keeper.tick()
    keeper.close()


def read_anchors(settings: Settings) -> dict[int, str]:
    """Anchored hashes by sequence; raises AnchorsUnreadableError."""
    topic = settings.audit_anchors_topic
    consumer = reader(settings, "fraudstream.audit-verify")
    found: dict[int, str] = {}
    try:
        low, high = watermarks(consumer, topic, _PARTITION)
        if low == high:
            return found
        consumer.assign([TopicPartition(topic, _PARTITION, low)])
        while True:
            message = consumer.poll(_SEND_SECONDS)
            if message is None:
                raise AnchorsUnreadableError(f"{topic}: the broker does not answer")
            error = message.error()
            if error is not None and error.code() == KafkaError._PARTITION_EOF:
                return found
            if error is not None:
                raise AnchorsUnreadableError(f"{topic}: {error.str()}")
            anchor = json.loads(message.value() or b"{}")
            if anchor:
                found[int(anchor["sequence"])] = str(anchor["hash"])
    except KafkaException as error:
        raise AnchorsUnreadableError(f"{topic}: {error.args[0].str()}") from None
    finally:
        consumer.close()
