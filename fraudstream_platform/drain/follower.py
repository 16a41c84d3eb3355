"""Fills a table from a topic by the committer's rule: topic and table agree by construction."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
from confluent_kafka import KafkaError, Message, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from fraudstream_platform.contracts.schemas import avro_text
from fraudstream_platform.drain.kafka import partition_count, reader, topic_id, watermarks
from fraudstream_platform.drain.positions import Positions
from fraudstream_platform.lake.commit import (
    Batch,
    CommitGapError,
    commit_batches,
    recorded_versions,
)
from fraudstream_platform.lake.files import DataFile, write_file
from fraudstream_platform.lake.tables import (
    ALERTS,
    TABLES,
    VAULT,
    open_table,
    partition_column,
    scan,
    table_uri,
)
from fraudstream_platform.settings import Settings

log = logging.getLogger(__name__)

Row = dict[str, Any]
RowOf = Callable[[Message], Row | None]
_MAX_RECORDS = 5_000  # a poll stays short: the committer waits for it


class TopicFollower:
    """Appends a topic's committed records to a table, each once."""

    def __init__(
        self,
        settings: Settings,
        topic: str,
        table: str,
        new_row_of: Callable[[], RowOf],
    ) -> None:
        """Follow `topic` into `table`.

        `new_row_of` gives what turns a record into a row; it is asked again whenever reading
        begins again, since it may remember what it has seen.
        """
        self._settings = settings
        self._topic = topic
        self._table = table
        self._new_row_of = new_row_of
        self._application = f"fraudstream.{topic_id(settings, topic)}"
        self._consumer = reader(
            settings, f"fraudstream.follow.{table}", **{"fetch.wait.max.ms": 100}
        )
        self._partitions = list(range(partition_count(self._consumer, topic)))
        self._rows: list[Row] = []
        self._written_at = time.monotonic()
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
        self._row_of = self._new_row_of()
        self._consumer.assign(
            [TopicPartition(self._topic, p, offset) for p, offset in self._start.items()]
        )

    def poll(self) -> None:
        """Take what is there, without waiting."""
        for message in self._consumer.consume(_MAX_RECORDS, 0.0):
            partition, offset = message.partition(), message.offset()
            error = message.error()
            if partition is None or offset is None:
                continue
            if error is None:
                row = self._row_of(message)
                if row is not None:
                    self._rows.append({**_place(message), **row})
                self._end[partition] = offset + 1
            elif error.code() == KafkaError._PARTITION_EOF:
                self._end[partition] = max(self._end[partition], offset)
            elif error.fatal():
                raise RuntimeError(f"{self._topic}: {error.str()}")

    @property
    def is_at_end(self) -> bool:
        """True where everything in the topic now has been taken and committed."""
        if self._rows:
            return False
        return all(
            self._start[p] >= watermarks(self._consumer, self._topic, p)[1]
            for p in self._partitions
        )

    def commit(self, min_seconds: float = 0.0) -> int:
        """Write and commit what was taken, at most every `min_seconds`; returns rows added."""
        if self._end == self._start or time.monotonic() - self._written_at < min_seconds:
            return 0
        self._written_at = time.monotonic()
        files = list(self._files())
        batch = Batch(self._start, self._end, files, self._is_origin)
        try:
            added = commit_batches(self._settings, self._table, self._application, [batch])
        except CommitGapError:
            added = 0  # a rival committed a part of it: begin again where it left off
        expected = sum(file.rows for file in files)
        if added == expected:
            self._start, self._rows, self._is_origin = dict(self._end), [], False
        else:
            for file in files:
                uri = table_uri(self._settings, self._table)
                (Path(uri) / file.path).unlink(missing_ok=True)
            self._seek()
        return added

    def _files(self) -> Iterable[DataFile]:
        if not self._rows:
            return
        column = partition_column(self._table)
        schema = {column: pl.String(), **TABLES[self._table]}
        rows = pl.DataFrame(self._rows, schema=schema, orient="row")
        for (value,), part in rows.group_by([column], maintain_order=True):
            yield write_file(self._settings, self._table, str(value), part)


def _place(message: Message) -> Row:
    return {
        "topic_partition": message.partition(),
        "topic_offset": message.offset(),
        "topic_append_time": datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC),
    }


def alert_follower(settings: Settings) -> TopicFollower:
    """The alert topic into `gold.alerts`."""
    read = alert_reader(settings)

    def row_of(message: Message) -> Row | None:
        alert = read(message)
        return {"hour": alert["lake_hour"], **alert}

    return TopicFollower(settings, settings.fraud_alerts_topic, ALERTS, lambda: row_of)


def alert_reader(settings: Settings) -> Callable[[Message], Row]:
    """Reads alerts of the alert topic as dicts."""
    registry = SchemaRegistryClient({"url": settings.registry_url})
    deserialise = AvroDeserializer(registry, avro_text("fraud_alert"))
    context = SerializationContext(settings.fraud_alerts_topic, MessageField.VALUE)

    def read(message: Message) -> Row:
        alert: Row = deserialise(message.value(), context)
        return alert

    return read


def vault_follower(settings: Settings) -> TopicFollower:
    """The sealed topic into `vault.entities`, one row a token however often it was sent."""
    return TopicFollower(settings, settings.vault_topic, VAULT, lambda: _new_seals_only(settings))


def _new_seals_only(settings: Settings) -> RowOf:
    known: set[str] = set(scan(settings, VAULT).select("token").collect()["token"])

    def row_of(message: Message) -> Row | None:
        try:
            record = json.loads(message.value() or b"null")
            row = {
                "entity_type": str(record["kind"]),
                "token": str(record["token"]),
                "key_version": int(record["key_version"]),
                "sealed": str(record["sealed"]),
            }
        except (ValueError, KeyError, TypeError):
            log.error("record %s of the sealed topic is no seal; passed over", message.offset())
            return None
        if row["token"] in known:
            return None
        known.add(str(row["token"]))
        return row

    return row_of
