"""Forgetting one person's entry: its seal is gone from the lake at once, from Kafka once compacted."""

from __future__ import annotations

from confluent_kafka import KafkaException

from fraudstream_platform.custody.reveal import require_audit, require_token
from fraudstream_platform.drain.kafka import partition_count, plain_producer, reader
from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.audited import audited
from fraudstream_platform.lake.vault import forget, sealed_of
from fraudstream_platform.settings import Settings

_SEND_SECONDS = 10.0


def forget_entry(settings: Settings, token: str, reason: str) -> bool:
    """Shred the seal of `token`; False where it had been shredded before. Repeating it is safe.

    Kafka is told first: a broker that is away ends it with nothing changed. Raises UserError.
    """
    require_audit(settings)
    require_token(token)
    with audited(settings, "vault.forget", token, reason):
        if sealed_of(settings, token) is None:
            raise UserError(
                f"the vault holds no seal of {token}; one that was sent just now is there within "
                "10 s of a drain run"
            )
        _bury(settings, token)
        return forget(settings, token)


def _bury(settings: Settings, token: str) -> None:
    """A tombstone in each partition, since producers of other makes place a token elsewhere."""
    topic = settings.vault_topic
    consumer = reader(settings, "fraudstream.vault-forget")
    producer = plain_producer(settings, **{"message.timeout.ms": int(_SEND_SECONDS * 1000)})
    failures: list[str] = []
    try:
        for partition in range(partition_count(consumer, topic)):
            producer.produce(
                topic,
                None,
                key=token,
                partition=partition,
                on_delivery=lambda error, _: failures.append(str(error)) if error else None,
            )
        left = producer.flush(_SEND_SECONDS)
    except KafkaException as error:
        raise UserError(f"nothing is forgotten: {topic}: {error.args[0].str()}") from None
    finally:
        consumer.close()
    if left or failures:
        raise UserError(f"nothing is forgotten: {topic} did not take the tombstone; try again")
