"""Fills a table from a topic by the committer's rule: topic and table agree by construction."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import polars as pl
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from fraudstream_platform.connection import registry_client
from fraudstream_platform.contracts.schemas import avro_text
from fraudstream_platform.contracts.tables import ALERT_SCHEMA
from fraudstream_platform.drain.kafka import (
    admin,
    partition_count,
    reader,
    stable_ends,
    topic_id,
    watermarks,
)
from fraudstream_platform.drain.positions import Positions
from fraudstream_platform.drain.registry import RegistryDownError
from fraudstream_platform.drain.seals import KnownTokens, read_vault_records
from fraudstream_platform.lake.commit import (
    Batch,
    CommitGapError,
    TableAppender,
    recorded_versions,
)
from fraudstream_platform.lake.files import DataFile, discard, write_file
from fraudstream_platform.lake.tables import (
    ALERTS,
    TOPIC_POSITION,
    VAULT,
    open_table,
    partition_column,
)
from fraudstream_platform.settings import Settings

log = logging.getLogger(__name__)

Row = dict[str, Any]
RowsOf = Callable[[pl.DataFrame, Sequence[bytes]], pl.DataFrame]
"""From places (`topic_partition`, `topic_offset`, `topic_append_time`) and values to table rows."""
FETCH_WAIT_MS = 500
_FETCH_BYTES = 1_048_576
"""A table is committed to every few seconds: what comes meanwhile comes in two fetches a second. A
fetch an alert cost the broker as much as the alert."""
_REGISTRY_AWAY_SECONDS = 30.0
"""Asking a registry that does not answer takes seconds, and the committer waits for it."""
_CATCH_UP_PACE_SECONDS = 0.05
_MAX_RECORDS = 10_000  # a poll stays short: the committer waits for it


class TopicFollower:
    """Appends a topic's committed records to a table, each once."""

    def __init__(
        self,
        settings: Settings,
        topic: str,
        table: str,
        new_rows_of: Callable[[], RowsOf],
        fetch_wait_ms: int = FETCH_WAIT_MS,
        fetch_bytes: int = _FETCH_BYTES,
    ) -> None:
        """Follow `topic` into `table`.

        `new_rows_of` gives what turns records into rows; it is asked again whenever reading
        begins again, since it may remember what it has seen.
        """
        self._settings = settings
        self._topic = topic
        self._table = table
        self._new_rows_of = new_rows_of
        self._application = f"fraudstream.{topic_id(settings, topic)}"
        self._appender = TableAppender(settings, table, self._application)
        waits = {"fetch.wait.max.ms": fetch_wait_ms, "fetch.min.bytes": fetch_bytes}
        self._consumer = reader(settings, f"fraudstream.follow.{table}", **waits)
        self._partitions = list(range(partition_count(self._consumer, topic)))
        self._rows: list[pl.DataFrame] = []
        self._written_at = time.monotonic()
        self._polled_at = self._away_until = -math.inf
        self._seek()

    def close(self) -> None:
        """Release the client."""
        self._consumer.close()

    def _seek(self) -> None:
        """Start where the table stands, or at the log's beginning where it has nothing yet."""
        versions = recorded_versions(
            open_table(self._settings, self._table), self._application, self._partitions
        )
        self._is_origin = all(version is None for version in versions.values())
        self._start: Positions = {
            p: watermarks(self._consumer, self._topic, p)[0] if version is None else version
            for p, version in versions.items()
        }
        self._end = dict(self._start)
        self._rows = []
        self._rows_of = self._new_rows_of()
        self._consumer.assign(
            [TopicPartition(self._topic, p, offset) for p, offset in self._start.items()]
        )

    def poll(self, min_seconds: float = 0.0) -> None:
        """Take what is there, without waiting, at most every `min_seconds`."""
        now = time.monotonic()
        if now - self._polled_at < min_seconds or now < self._away_until:
            return
        self._polled_at = now
        places, values = self._take()
        if not values:
            return
        try:
            self._rows.append(self._rows_of(_placed(places), values))
        except RegistryDownError as error:
            log.warning(
                "%s is read again in %.0f s: %s", self._topic, _REGISTRY_AWAY_SECONDS, error
            )
            self._away_until = now + _REGISTRY_AWAY_SECONDS
            self._seek()

    def _take(self) -> tuple[list[tuple[int, int, int]], list[bytes]]:
        places: list[tuple[int, int, int]] = []
        values: list[bytes] = []
        for message in self._consumer.consume(_MAX_RECORDS, 0.0):
            partition, offset = message.partition(), message.offset()
            error = message.error()
            if partition is None or offset is None:
                continue
            if error is None:
                places.append((partition, offset, message.timestamp()[1]))
                values.append(message.value() or b"")
                self._end[partition] = offset + 1
            elif error.code() == KafkaError._PARTITION_EOF:
                self._end[partition] = max(self._end[partition], offset)
            elif error.fatal():
                raise RuntimeError(f"{self._topic}: {error.str()}")
        return places, values

    def waiting(self) -> int | None:
        """Offsets of the topic past what the table has; None where the broker does not answer."""
        client = admin(self._settings)  # named, since a future whose client is gone never answers
        try:
            ends = stable_ends(client, self._topic, self._partitions)
        except KafkaException:
            return None
        return sum(end - self._start[p] for p, end in ends.items())

    def catch_up(self, seconds: float) -> bool:
        """Bring the table to where the topic ends now; False where `seconds` do not suffice."""
        client = admin(self._settings)
        ends = stable_ends(client, self._topic, self._partitions)
        deadline = time.monotonic() + seconds
        while any(self._start[p] < end for p, end in ends.items()):
            if time.monotonic() > deadline:
                return False
            time.sleep(_CATCH_UP_PACE_SECONDS)
            self.poll()
            self.commit()
        return True

    def commit(self, min_seconds: float = 0.0) -> Sequence[pl.DataFrame]:
        """Write and commit what was taken, at most every `min_seconds`; returns the rows added."""
        if self._end == self._start or time.monotonic() - self._written_at < min_seconds:
            return ()
        self._written_at = time.monotonic()
        files = list(self._files())
        batch = Batch(self._start, self._end, files, self._is_origin)
        try:
            added = self._appender.commit([batch])
        except CommitGapError:
            added = 0  # a rival committed a part of it: begin again where it left off
        expected = sum(file.rows for file in files)
        if added == expected:
            rows, self._rows = self._rows, []
            self._start, self._is_origin = dict(self._end), False
            return rows
        discard(self._settings, files)
        self._seek()
        return ()

    def _files(self) -> Iterable[DataFile]:
        if not self._rows:
            return
        column = partition_column(self._table)
        for (value,), part in pl.concat(self._rows).group_by([column], maintain_order=True):
            yield write_file(self._settings, self._table, str(value), part)


def _placed(places: Sequence[tuple[int, int, int]]) -> pl.DataFrame:
    millis = pl.Schema({**TOPIC_POSITION, "topic_append_time": pl.Int64()})
    return pl.DataFrame(places, schema=millis, orient="row").cast(pl.Schema(TOPIC_POSITION))


def alert_follower(settings: Settings) -> TopicFollower:
    """The alert topic into `gold.alerts`."""
    read = alert_reader(settings)
    schema = pl.Schema({"hour": pl.String(), **ALERT_SCHEMA})

    def rows_of(places: pl.DataFrame, values: Sequence[bytes]) -> pl.DataFrame:
        alerts = [read(value) for value in values]
        rows = [{"hour": alert["lake_hour"], **alert} for alert in alerts]
        return places.hstack(pl.DataFrame(rows, schema=schema, orient="row"))

    return TopicFollower(settings, settings.fraud_alerts_topic, ALERTS, lambda: rows_of)


def alert_reader(settings: Settings) -> Callable[[bytes], Row]:
    """Reads values of the alert topic as dicts."""
    registry = registry_client(settings)
    deserialise = AvroDeserializer(registry, avro_text("fraud_alert"))
    context = SerializationContext(settings.fraud_alerts_topic, MessageField.VALUE)

    def read(value: bytes) -> Row:
        alert: Row = deserialise(value, context)
        return alert

    return read


def vault_follower(settings: Settings) -> TopicFollower:
    """The sealed topic into `vault.entities`, one row a token however often it was sent."""
    return TopicFollower(settings, settings.vault_topic, VAULT, lambda: _new_seals_only(settings))


def _new_seals_only(settings: Settings) -> RowsOf:
    known = KnownTokens(settings)

    def rows_of(places: pl.DataFrame, values: Sequence[bytes]) -> pl.DataFrame:
        rows = places.hstack(read_vault_records(values)).drop_nulls("token")
        return known.only_new(rows)

    return rows_of
