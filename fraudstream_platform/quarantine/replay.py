"""Puts records through the pipeline again, each once: into their partition, with their first place.

1. `init_transactions` of the one producer fences every earlier replay, and ends what it left open.
2. What was put through before is known: from the lake, and from the log past what the lake has.
3. The others go to the raw topic, many in a transaction, each with a header that names its origin.

So a call that was killed is simply repeated. The drain takes them like any record (rules, features,
alerts), but judges how late they are by their first append. The old rows stay where they are; new
ones name them in `first_offset`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl
from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from fraudstream_platform.contracts.codec import HEADER_BYTES, schema_id_of
from fraudstream_platform.contracts.schemas import transaction_schema
from fraudstream_platform.contracts.validation import judge
from fraudstream_platform.drain.committer import committed_positions
from fraudstream_platform.drain.kafka import admin, reader, sole_producer, stable_ends
from fraudstream_platform.drain.origins import Origin, origin_of
from fraudstream_platform.drain.registry import SchemaSource, UnknownSchemaError
from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.audited import audited
from fraudstream_platform.protection.keys import sealer_of
from fraudstream_platform.quarantine.kept import Choice, dead_letters, refusal, waiting
from fraudstream_platform.settings import Settings

_PRODUCER = "fraudstream.quarantine"
_PATIENCE_S = 30.0
_TOGETHER = 2_000
"""Records of a transaction: it stays open for some ms, while readers of the partitions wait."""


@dataclass(frozen=True)
class Again:
    """One record to be put through again."""

    partition: int
    origin: Origin
    key: str | None
    value: bytes


@dataclass
class Outcome:
    """What a replay did."""

    sent: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """Why -> how many stayed."""


def replay(settings: Settings, choice: Choice, *, with_dead_letters: bool = False) -> Outcome:
    """Put the chosen records through again; audited. Raises UserError, RegistryDownError."""
    outcome = Outcome()
    with audited(settings, "quarantine.replay", "silver.quarantine", _words(choice)) as ending:
        partitions = range(settings.topic_partitions)
        try:
            producer = sole_producer(
                settings, _PRODUCER, settings.transactions_topic, partitions, _PATIENCE_S
            )
            on_the_way = _on_the_way(settings)
            again = list(_records(settings, choice, outcome))
            if with_dead_letters:
                again += _letters(settings, choice, outcome)
            fresh = [one for one in again if (one.partition, one.origin.offset) not in on_the_way]
            for together in _batches(fresh):
                _send(settings, producer, together)
                outcome.sent += len(together)
        except KafkaException as error:
            raise UserError(f"the broker took {outcome.sent}: {error.args[0].str()}") from None
        ending.detail = f"{outcome.sent} records"
    return outcome


def _words(choice: Choice) -> str:
    return " ".join([*choice.rules, *choice.sources, *choice.hours, *map(str, choice.at)])[:200]


def _on_the_way(settings: Settings) -> set[tuple[int, int]]:
    """Places that records past what the lake has repeat."""
    partitions = range(settings.topic_partitions)
    positions = committed_positions(settings, partitions)
    if positions is None:
        return set()
    client = admin(settings)
    ends = stable_ends(client, settings.transactions_topic, partitions)
    behind = {p: offset for p, offset in positions.items() if offset < ends[p]}
    consumer = reader(settings, _PRODUCER)
    found: set[tuple[int, int]] = set()
    try:
        consumer.assign(
            [TopicPartition(settings.transactions_topic, p, offset) for p, offset in behind.items()]
        )
        while behind:
            for message in consumer.consume(5_000, 0.1):
                error, partition = message.error(), message.partition() or 0
                if error is None:
                    origin = origin_of(message.headers() or ())
                    if origin is not None:
                        found.add((partition, origin.offset))
                elif error.code() == KafkaError._PARTITION_EOF:
                    behind.pop(partition, None)
                else:
                    raise KafkaException(error)
    finally:
        consumer.close()
    return found


def _records(settings: Settings, choice: Choice, outcome: Outcome) -> Iterator[Again]:
    """Quarantined rows as records of today's contract: they hold tokens, as Bronze does.

    What today's rules still refuse stays: it would come back, and open its source's breaker again.
    """
    rows = waiting(settings, choice)
    encoder = SchemaSource(settings).encoder(settings.transactions_topic, "transaction")
    verdict = judge(rows.with_columns(pl.lit(True).alias("key_agrees")), settings.oldest_event_days)
    is_poor = verdict.quality_score < settings.silver_quality_threshold
    for place, row in enumerate(rows.iter_rows(named=True)):
        why = refusal(row["failed_rules"])
        if place in verdict.failed:
            why = "they still break a rule"
        elif is_poor[place]:
            why = "their score is still below SILVER_QUALITY_THRESHOLD"
        if why is not None:
            outcome.refused[why] += 1
            continue
        value = encoder.encode({name: row[name] for name in transaction_schema()})
        yield Again(row["partition"], _origin(row), row["customer"] or row["card"], value)


def _letters(settings: Settings, choice: Choice, outcome: Outcome) -> Iterator[Again]:
    """Dead letters that can be decoded now, as the bytes that they were.

    They are unsealed here and kept nowhere. Kafka's key was not stored: it is what it has to be.
    """
    sealer, schemas = sealer_of(settings), SchemaSource(settings)
    for row in dead_letters(settings, choice).iter_rows(named=True):
        payload = sealer.open_bytes(row["sealed_payload"])
        key = _key(schemas, payload)
        if key is None:
            outcome.refused["they still cannot be decoded"] += 1
        else:
            yield Again(row["partition"], _origin(row), key, payload)


def _key(schemas: SchemaSource, payload: bytes) -> str | None:
    """The customer, else the card, that a payload names; None where it cannot be read."""
    schema_id = schema_id_of(payload)
    if schema_id is None:
        return None
    try:
        decoded = schemas.writer(schema_id).decode([payload[HEADER_BYTES:]], [0])
    except UnknownSchemaError:
        return None
    if decoded.failures:
        return None
    key: str | None = decoded.frame.select(pl.coalesce("customer", "card")).item()
    return key


def _origin(row: dict[str, Any]) -> Origin:
    """A record that was put through before is as late as it was at first."""
    moment: datetime = row["first_append_time"] or row["append_time"]
    return Origin(row["offset"], round(moment.timestamp() * 1000))


def _batches(records: Sequence[Again]) -> Iterable[Sequence[Again]]:
    """Records in the order of their partitions and offsets, as many as one transaction takes."""
    ordered = sorted(records, key=lambda one: (one.partition, one.origin.offset))
    return [ordered[at : at + _TOGETHER] for at in range(0, len(ordered), _TOGETHER)]


def _send(settings: Settings, producer: Producer, records: Sequence[Again]) -> None:
    producer.begin_transaction()
    for one in records:
        producer.produce(
            settings.transactions_topic,
            value=one.value,
            key=one.key,
            partition=one.partition,
            headers=[one.origin.to_header()],
        )
    producer.commit_transaction(_PATIENCE_S)
