"""Records of the label topic as rows. One that cannot be used is a row too: its place, and why.

Labels come from outside (cardholders' banks, schemes, analysts), so any bytes may come. Whatever
breaks a rule is not stored: it may hide a card number, and Kafka still has it at that place.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import fastavro
import polars as pl

from fraudstream_platform.contracts.codec import HEADER_BYTES, schema_id_of
from fraudstream_platform.contracts.codes import LABEL_SOURCES, LABEL_TYPES
from fraudstream_platform.contracts.schemas import avro_schema
from fraudstream_platform.contracts.tables import LABEL_SCHEMA
from fraudstream_platform.contracts.validation import ID_PATTERN
from fraudstream_platform.drain.follower import TopicFollower
from fraudstream_platform.drain.registry import SchemaSource
from fraudstream_platform.lake.tables import LABELS
from fraudstream_platform.protection.text_guard import hides_identity
from fraudstream_platform.settings import Settings

_CONTRACT_NAME = "org.fraudstream.TransactionLabel"
_ID = re.compile(ID_PATTERN)
_FETCH_WAIT_MS = 2_000
"""Nobody waits for a label, and an empty fetch costs the broker as much as a full one."""


class LabelReader:
    """Reads values of the label topic, by the schemas that they were written with."""

    def __init__(self, schema_text: Callable[[int], str | None]) -> None:
        """`schema_text` gives a registered schema's JSON by its id, None where there is none."""
        self._schema_text = schema_text
        self._contract = fastavro.parse_schema(dict(avro_schema("transaction_label")))
        self._writers: dict[int, Any] = {}

    def read(self, values: Sequence[bytes]) -> pl.DataFrame:
        """One `LABEL_SCHEMA` row a value, in their order; raises RegistryDownError."""
        rows = [self._row(value) for value in values]
        return pl.DataFrame(rows, schema=LABEL_SCHEMA, orient="row")

    def _row(self, value: bytes) -> Mapping[str, Any]:
        schema_id = schema_id_of(value)
        if schema_id is None:
            return _poor("no_schema_id")
        if schema_id not in self._writers:
            self._writers[schema_id] = self._writer(schema_id)
        writer = self._writers[schema_id]
        if writer is None:
            return _poor("foreign_schema")
        body = io.BytesIO(value[HEADER_BYTES:])
        try:
            label: Any = fastavro.schemaless_reader(body, writer, self._contract)
        except Exception:  # noqa: BLE001 - whatever the reader raises, the record cannot be read
            return _poor("undecodable")
        if body.read(1):
            return _poor("undecodable")
        problem = _broken_rule(label)
        return {**label, "problem": None} if problem is None else _poor(problem)

    def _writer(self, schema_id: int) -> Any:
        """The parsed writer schema; None where it is no version of the label contract."""
        text = self._schema_text(schema_id)
        try:
            schema = fastavro.parse_schema(json.loads(text or "null"))
        except (fastavro.schema.SchemaParseException, ValueError, KeyError, TypeError):
            return None
        is_ours = isinstance(schema, dict) and schema.get("name") == _CONTRACT_NAME
        return schema if is_ours else None


def _poor(problem: str) -> Mapping[str, Any]:
    return {**dict.fromkeys(LABEL_SCHEMA), "problem": problem}


def _broken_rule(label: Mapping[str, Any]) -> str | None:
    transaction_id = label["transaction_id"]
    if not _ID.fullmatch(transaction_id) or hides_identity(transaction_id):
        return "transaction_id_format"
    if label["label_type"] not in LABEL_TYPES:
        return "label_type_known"
    return None if label["source"] in LABEL_SOURCES else "source_known"


def label_follower(settings: Settings) -> TopicFollower:
    """The label topic into `labels.transactions`, by the hour in which a label came."""
    reader = LabelReader(SchemaSource(settings).text)
    hour = pl.col("topic_append_time").dt.strftime("%Y-%m-%dT%H").alias("hour")

    def rows_of(places: pl.DataFrame, values: Sequence[bytes]) -> pl.DataFrame:
        return places.hstack(reader.read(values)).with_columns(hour)

    topic = settings.fraud_labels_topic
    return TopicFollower(settings, topic, LABELS, lambda: rows_of, _FETCH_WAIT_MS, fetch_bytes=1)
