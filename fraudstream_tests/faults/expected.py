"""What every table shall hold, computed from the records themselves: naively, without the engine.

Given are the records as they were sent and where the broker put them (partition, offset, append
time), when the broker took what tasks told each other, and the rule set's file and version. Records
are looked at one by one.
"""

from __future__ import annotations

import io
import json
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import fastavro
from cryptography.fernet import Fernet

from fraudstream_tests.faults.rules import blemishes, broken_rules, is_late
from fraudstream_tests.oracle.detection import Detection
from fraudstream_tests.oracle.exchange import VISIBLE_AFTER, Exchange
from fraudstream_tests.oracle.features import Oracle

Row = dict[str, Any]
Place = tuple[int, int]
"""Partition and offset."""

BRONZE, DEAD = "bronze.transactions", "bronze.dead_letter"
SILVER, QUARANTINE = "silver.transactions", "silver.quarantine"
FEATURES, ALERTS = "gold.features", "gold.alerts"
_ROWS_REMEMBERED = 200_000
_SOURCES = ("MOBILE", "POS", "ONLINE")
_NOT_REPLAYED: Row = {"first_offset": None, "first_append_time": None}
_COPIED = ("event_time", "transaction_id", "customer", "card", "merchant_id")


@dataclass(frozen=True)
class Record:
    """A record of the raw topic; append time in epoch ms."""

    partition: int
    offset: int
    append_ms: int
    key: bytes | None
    value: bytes

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.partition, self.offset


@dataclass(frozen=True)
class Told:
    """A touch as the entities topic has it: whose row it is, and whether it names the merchant."""

    append_ms: int
    place: Place
    names_merchant: bool


class Expected:
    """The rows that the records make; records in the order of their append times."""

    def __init__(
        self,
        schema: Path,
        schema_id: int,
        vault_key: str,
        threshold: float,
        oldest_days: int,
        detection: Detection,
    ) -> None:
        self._schema = fastavro.parse_schema(json.loads(schema.read_text()))
        self._schema_id = schema_id
        self._detection = detection
        self._fernet = Fernet(vault_key.encode())
        self._threshold = threshold
        self._oldest_days = oldest_days
        self._seen: set[tuple[int, str]] = set()
        self._levels: dict[tuple[int, str], float] = {}
        self._open: set[tuple[int, str]] = set()
        self._oracle = Oracle()
        self._exchange = Exchange(delay=0)
        self._heard: dict[int, int] = {}
        self._waiting: deque[Told] = deque()
        self._rows: dict[Place, Row] = {}

    def hear(self, told: Told) -> None:
        """A touch of the entities topic, in the topic's order."""
        self._waiting.append(told)

    def rows(self, record: Record) -> dict[str, Row]:
        """The rows of one record, by table; those of alerts without their sentences and hour."""
        position = {
            "partition": record.partition,
            "offset": record.offset,
            "append_time": datetime.fromtimestamp(record.append_ms / 1000, UTC),
            **_NOT_REPLAYED,
        }
        decoded = self._decoded(record.value)
        if isinstance(decoded, str) or (decoded["customer"] or decoded["card"]) is None:
            why = decoded if isinstance(decoded, str) else "no_key"
            letter = {"error_class": why, "payload_bytes": len(record.value)}
            return {DEAD: {**position, **letter, "sealed_payload": record.value}}
        owner = (decoded["customer"] or decoded["card"]).encode()
        bronze = {
            **position, "schema_id": self._schema_id, "key_agrees": record.key == owner, **decoded,
        }  # fmt: skip
        failed = broken_rules(bronze, self._oldest_days)
        lost = blemishes(bronze)
        score = max(0.0, 1 - sum(lost.values()) / 100) * (0.5 if failed else 1.0)
        is_held = self._holds(bronze, score)
        identity = (record.partition, decoded["transaction_id"])
        is_clean = not failed and score >= self._threshold and not is_held
        if identity in self._seen:
            failed.add("duplicate_transaction_id")
        elif is_clean:
            self._seen.add(identity)
        if score < self._threshold:
            failed |= {"quality_below_threshold", *lost}
        if is_held:
            failed.add("source_breaker_open")
        judged = {**position, "quality_score": score, **decoded}
        if failed:
            return {BRONZE: bronze, QUARANTINE: {**judged, "failed_rules": sorted(failed)}}
        features = self._features(judged)
        beside, alert = self._detection.judge(judged, features)
        rows = {BRONZE: bronze, SILVER: judged, FEATURES: features | beside}
        return rows if alert is None else rows | {ALERTS: alert}

    def opened(self, sealed: str) -> bytes:
        """The payload of a dead letter."""
        return self._fernet.decrypt(sealed.encode())

    def _holds(self, row: Row, score: float) -> bool:
        """Whether the breaker of the row's source is open, this row's score included."""
        if is_late(row):
            return False
        key = (row["partition"], row["source"] if row["source"] in _SOURCES else "")
        before = self._levels.get(key, 1.0)
        self._levels[key] = level = before + (score - before) / 32
        if level < self._threshold:
            self._open.add(key)
        elif level >= (1 + self._threshold) / 2:
            self._open.discard(key)
        return key in self._open

    def _decoded(self, value: bytes) -> Row | str:
        """The record, or why it is none."""
        if len(value) < 5 or value[0] != 0:
            return "not_framed"
        if int.from_bytes(value[1:5], "big") != self._schema_id:
            return "unknown_schema"
        reader = io.BytesIO(value[5:])
        try:
            decoded = cast(Row, fastavro.schemaless_reader(reader, self._schema, None))
        except Exception:  # noqa: BLE001 - whatever the reader raises, it is no record
            return "undecodable"
        return "undecodable" if reader.read() else decoded

    def _features(self, row: Row) -> Row:
        self._listen(round(row["append_time"].timestamp() * 1000) - VISIBLE_AFTER)
        self._rows[row["partition"], row["offset"]] = row
        if len(self._rows) > _ROWS_REMEMBERED:
            del self._rows[next(iter(self._rows))]
        found = self._oracle.features(row) | self._exchange.features(row)
        kept = {"partition", "offset", "append_time", *_COPIED}
        return {name: value for name, value in row.items() if name in kept} | found

    def _listen(self, until_ms: int) -> None:
        """Count what was told by then; of each partition only what lies past all heard of it."""
        while self._waiting and self._waiting[0].append_ms <= until_ms:
            told = self._waiting.popleft()
            partition, offset = told.place
            if offset <= self._heard.get(partition, -1):
                continue
            self._heard[partition] = offset
            row = self._rows.get(told.place)
            if row is None:
                raise AssertionError(f"told of {told.place}, which is no Silver row before it")
            self._exchange.hear(row, told.append_ms, names_merchant=told.names_merchant)
