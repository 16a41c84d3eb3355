"""Notices on their topic, each once, whoever dies when.

1. `init_transactions` of the one producer fences every earlier sender, and ends what it left open.
2. The end of the topic is read: a notice that is there already was sent by one that died before it
   could record so.
3. The others go in one transaction; then the outbox records them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from fraudstream_platform.connection import registry_client
from fraudstream_platform.contracts.schemas import avro_text
from fraudstream_platform.drain.kafka import reader, records_to_end, sole_producer
from fraudstream_platform.drain.registry import RegistryDownError, SchemaSource
from fraudstream_platform.quality.outbox import Notice, pending, sent
from fraudstream_platform.settings import Settings

log = logging.getLogger(__name__)

_PRODUCER = "fraudstream.quality"
_PATIENCE_S = 30.0
_LOOKED_BACK = 1_000
"""Records of the topic's end that are read for what was sent: many more than wait at once."""


class TopicAwayError(RuntimeError):
    """Broker or registry did not take the notices; they stay in the outbox."""


def publish(settings: Settings) -> Sequence[Notice]:
    """Send what the topic lacks; raises TopicAwayError with everything still to be sent."""
    waiting = pending(settings, "topic")
    if not waiting:
        return ()
    try:
        _publish(settings, waiting)
    except KafkaException as error:
        raise TopicAwayError(error.args[0].str()) from None
    except RegistryDownError as error:
        raise TopicAwayError(str(error)) from None
    sent(settings, "topic", waiting)
    return waiting


def _publish(settings: Settings, waiting: Sequence[Notice]) -> None:
    encoder = SchemaSource(settings).encoder(settings.quality_alerts_topic, "quality_alert")
    producer = sole_producer(settings, _PRODUCER, settings.quality_alerts_topic, [0], _PATIENCE_S)
    there = {record["notice_id"] for record in told(settings)}
    missing = [one for one in waiting if one.record["notice_id"] not in there]
    if not missing:
        return
    producer.begin_transaction()
    for one in missing:
        log.warning("%s", one.text)
        value, key = encoder.encode(one.record), one.record["source"].encode()
        producer.produce(settings.quality_alerts_topic, value=value, key=key)
    producer.commit_transaction(_PATIENCE_S)


def told(settings: Settings) -> Iterator[dict[str, Any]]:
    """The newest records of the topic, the oldest of them first."""
    topic = settings.quality_alerts_topic
    read = AvroDeserializer(registry_client(settings), avro_text("quality_alert"))
    context = SerializationContext(topic, MessageField.VALUE)
    consumer = reader(settings, _PRODUCER)
    try:
        for message in records_to_end(consumer, topic, 0, _LOOKED_BACK):
            record: dict[str, Any] = read(message.value(), context)
            yield record
    finally:
        consumer.close()
