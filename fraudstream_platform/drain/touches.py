"""Touches as they travel: packed into one message a step, and followed into a table of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
import pyarrow as pa
from confluent_kafka import TopicPartition
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
from numpy.typing import NDArray

from fraudstream_platform.connection import registry_client
from fraudstream_platform.contracts.schemas import avro_text
from fraudstream_platform.detection.exchange_touches import KINDS, Touches
from fraudstream_platform.drain.follower import TopicFollower
from fraudstream_platform.drain.kafka import reader, topic_id, watermarks
from fraudstream_platform.drain.registry import RegistryDownError, SchemaSource
from fraudstream_platform.lake.commit import recorded_versions
from fraudstream_platform.lake.hours import hour_of
from fraudstream_platform.lake.tables import ENTITY_TOUCHES, HOUR, TOUCH_COLUMNS, open_table, scan
from fraudstream_platform.settings import Settings

MOST_IN_A_MESSAGE = 10_000
_PACKED = {
    "partition": "<i4",
    "offset": "<i8",
    "event_time": "<i8",
    "card": "<u4",
    "outcome": "u1",
    **dict.fromkeys(KINDS, "<u4"),
}
"""Fields of a message in the schema's order, and their numbers."""

Columns = Mapping[str, NDArray[np.generic]]


def columns_of(touches: Touches) -> Columns:
    """The numbers of each field."""
    named = (touches.partition, touches.offset, touches.time, touches.card, touches.outcome)
    return dict(zip(_PACKED, (*named, *touches.keys), strict=True))


def touches_of(columns: Columns) -> Touches:
    """Reverse of `columns_of`; the arrays are new, of the types that the kernels know."""
    held = {name: np.array(columns[name], dtype=kind) for name, kind in _PACKED.items()}
    return Touches(
        held["partition"],
        held["offset"],
        held["event_time"],
        held["card"],
        held["outcome"],
        np.stack([held[kind] for kind in KINDS]),
    )


class TouchCodec:
    """Touches to messages of the topic, and back."""

    def __init__(self, settings: Settings, schemas: SchemaSource) -> None:
        """Ask the registry for the schema; raises RegistryDownError."""
        self._encoder = schemas.encoder(settings.entities_topic, "entity_touches")
        self._reader = TouchReader(settings)
        empty = self._encoder.encode(dict.fromkeys(_PACKED, b""))
        try:
            self._reader.read([empty])  # the registry is asked now, never between two steps
        except Exception as error:  # noqa: BLE001 - any transport error of the client
            raise RegistryDownError(f"schema registry: {type(error).__name__}") from None

    def messages(self, touches: Touches) -> list[bytes]:
        """Messages that hold `touches`, none where there are none."""
        columns = columns_of(touches)
        return [
            self._encoder.encode(
                {
                    name: column[start : start + MOST_IN_A_MESSAGE].astype(_PACKED[name]).tobytes()
                    for name, column in columns.items()
                }
            )
            for start in range(0, len(touches), MOST_IN_A_MESSAGE)
        ]

    def read(
        self, values: Sequence[bytes], appended: Sequence[int]
    ) -> tuple[Touches, NDArray[np.int64]]:
        """The touches of messages in their order, and each one's append time in epoch ms."""
        columns, counts = self._reader.read(values)
        return touches_of(columns), np.repeat(np.array(appended, np.int64), counts)


class TouchReader:
    """Reads values of the entities topic."""

    def __init__(self, settings: Settings) -> None:
        registry = registry_client(settings)
        self._deserialise = AvroDeserializer(registry, avro_text("entity_touches"))
        self._context = SerializationContext(settings.entities_topic, MessageField.VALUE)

    def read(self, values: Sequence[bytes]) -> tuple[Columns, NDArray[np.int64]]:
        """The numbers of all messages by field, and how many touches each message holds."""
        records = [self._deserialise(value, self._context) for value in values]
        columns = {
            name: np.frombuffer(b"".join(record[name] for record in records), kind)
            for name, kind in _PACKED.items()
        }
        counts = np.array([len(record["outcome"]) for record in records], np.int64)
        return columns, counts


def touch_follower(settings: Settings) -> TopicFollower:
    """The entities topic into `silver.entity_touches`, one row a message."""
    reader = TouchReader(settings)

    def rows_of(places: pl.DataFrame, values: Sequence[bytes]) -> pl.DataFrame:
        return message_rows(places, *reader.read(values))

    return TopicFollower(settings, settings.entities_topic, ENTITY_TOUCHES, lambda: rows_of)


def message_rows(places: pl.DataFrame, columns: Columns, counts: NDArray[np.int64]) -> pl.DataFrame:
    """Rows of the table: one a message, with as many touches as `counts` says."""
    bounds = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int64())
    lists = [_listed(bounds, column, name) for name, column in columns.items()]
    hours = places["topic_append_time"].dt.strftime("%Y-%m-%dT%H").alias(HOUR)
    return places.hstack([hours, *lists])


def _listed(bounds: pa.Array, numbers: NDArray[np.generic], name: str) -> pl.Series:
    lists = pl.from_arrow(pa.LargeListArray.from_arrays(bounds, pa.array(numbers)))
    return pl.Series(name, lists, TOUCH_COLUMNS[name])


def touches_are_kept(settings: Settings, until_ms: int) -> bool:
    """Whether the table has all that was appended by `until_ms` (epoch ms)."""
    topic, table = settings.entities_topic, open_table(settings, ENTITY_TOUCHES)
    application = f"fraudstream.{topic_id(settings, topic)}"
    consumer = reader(settings, "fraudstream.rebuild")
    try:
        (later,) = consumer.offsets_for_times([TopicPartition(topic, 0, until_ms + 1)], timeout=10)
        low, high = watermarks(consumer, topic, 0)
    finally:
        consumer.close()
    needed = later.offset if later.offset >= 0 else high
    version = recorded_versions(table, application, [0])[0]
    return (low if version is None else version) >= needed


def kept_touches(
    settings: Settings, after_ms: int, until_ms: int
) -> tuple[Touches, NDArray[np.int64]]:
    """What the table has that was appended in (after_ms, until_ms], in the topic's order."""
    moment = pl.col("topic_append_time").dt.epoch("ms")
    rows = (
        scan(settings, ENTITY_TOUCHES)
        .filter(pl.col(HOUR).is_between(pl.lit(hour_of(after_ms)), pl.lit(hour_of(until_ms))))
        .filter((moment > after_ms) & (moment <= until_ms))
        .sort("topic_offset")
        .with_columns(moment.alias("appended"))
        .select("appended", *_PACKED)
        .collect()
        .explode(list(_PACKED))
    )
    columns = {
        name: rows[name].dt.epoch("ms").to_numpy()
        if name == "event_time"
        else rows[name].to_numpy()
        for name in _PACKED
    }
    return touches_of(columns), rows["appended"].to_numpy(writable=True)
