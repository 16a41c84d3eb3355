"""The oracle of the fault trials beside the engine, on a troubled stream without any service."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from zlib import crc32

import polars as pl
import pytest

from fraudstream_platform.contracts.codec import WriterSchema
from fraudstream_platform.contracts.schemas import avro_schema
from fraudstream_platform.detection.rules import RULES, RULES_DIR
from fraudstream_platform.detection.step import Detector
from fraudstream_platform.drain.ingest import Ingest
from fraudstream_platform.drain.registry import UnknownSchemaError
from fraudstream_platform.drain.source import RawBatch
from fraudstream_platform.lake.tables import ALERTS
from fraudstream_platform.protection.keys import tokeniser_of
from fraudstream_platform.settings import PROJECT_ROOT, Settings
from fraudstream_platform.simulator.record import FastEncoder
from fraudstream_platform.simulator.stream import Stream, StreamConfig
from fraudstream_tests.faults.compare import differences, unlike, unlike_alerts
from fraudstream_tests.faults.expected import (
    BRONZE,
    DEAD,
    FEATURES,
    QUARANTINE,
    SILVER,
    Expected,
    Place,
    Record,
    Row,
)
from fraudstream_tests.faults.feed import Trouble
from fraudstream_tests.oracle.detection import Detection

SETTINGS = Settings(_env_file=None)
START_MS = 1_780_000_000_000
RECORDS, PARTITIONS, SCHEMA_ID = 250, 3, 7
Tables = dict[str, pl.DataFrame]


def expected_rows(records: Sequence[Record]) -> tuple[Expected, dict[str, dict[Place, Row]]]:
    oracle = Expected(
        PROJECT_ROOT / "schemas" / "transaction.avsc",
        SCHEMA_ID,
        SETTINGS.vault_key.get_secret_value(),
        SETTINGS.silver_quality_threshold,
        SETTINGS.oldest_event_days,
        Detection(RULES_DIR / "default.yaml", RULES.version),
    )
    rows: dict[str, dict[Place, Row]] = {}
    for record in records:
        for table, row in oracle.rows(record).items():
            rows.setdefault(table, {})[record.place] = row
    return oracle, rows


def sent() -> list[Record]:
    """Records of a stream with every kind of trouble, as a broker would have them."""
    config = StreamConfig(3, 100, RECORDS, START_MS, fraud_rate=0.05, customers=40)
    trouble = Trouble(3, FastEncoder(SCHEMA_ID), times=8)
    ends = dict.fromkeys(range(PARTITIONS), 0)
    records: list[Record] = []
    for batch in Stream(config, tokeniser_of(SETTINGS)).batches():
        for transaction in batch.transactions:
            now_ms = int(transaction.head[2])
            for _, message in trouble.messages(transaction, True, now_ms / 1000):
                partition = crc32(message.key or b"") % PARTITIONS
                place = (partition, ends[partition])
                records.append(Record(*place, now_ms + 3, message.key, message.value))
                ends[partition] += 1
    return records


def stepped(records: Sequence[Record]) -> Tables:
    """What the engine makes of them in one step."""

    def writer(schema_id: int) -> WriterSchema:
        if schema_id != SCHEMA_ID:
            raise UnknownSchemaError(schema_id)
        return WriterSchema(SCHEMA_ID, avro_schema("transaction"))

    batch = RawBatch(
        [one.value for one in records],
        [None if one.key is None else one.key.decode() for one in records],
        [one.partition for one in records],
        [one.offset for one in records],
        [one.append_ms for one in records],
    )
    arrivals = Ingest(SETTINGS, SimpleNamespace(writer=writer)).arrivals(batch)  # type: ignore[arg-type]
    detector = Detector(quality_threshold=SETTINGS.silver_quality_threshold)
    result = detector.step(arrivals.bronze, "h")
    frames = {
        BRONZE: arrivals.bronze,
        DEAD: arrivals.dead_letters,
        SILVER: result.silver,
        QUARANTINE: result.quarantine,
        FEATURES: result.features,
        ALERTS: result.alerts,
    }
    hour = pl.col("append_time").dt.strftime("%Y-%m-%dT%H").alias("hour")
    return {table: frame.with_columns(hour) for table, frame in frames.items()}


@pytest.fixture(scope="module")
def both() -> tuple[Expected, dict[str, dict[Place, Row]], Tables]:
    records = sent()
    return *expected_rows(records), stepped(records)


def found(both: tuple[Expected, dict[str, dict[Place, Row]], Tables], table: str) -> list[str]:
    oracle, rows, tables = both
    return list(differences(table, rows[table], tables[table], oracle.opened))


@pytest.mark.parametrize("table", [BRONZE, DEAD, SILVER, QUARANTINE, FEATURES])
def test_oracle_and_engine_agree_on_every_value(
    both: tuple[Expected, dict[str, dict[Place, Row]], Tables], table: str
) -> None:
    """A rule that one of the two has wrong would fail a trial that loses nothing, or hide a loss."""
    assert both[2][table].height > 0
    assert found(both, table) == []


def test_oracle_and_engine_agree_on_every_alert(
    both: tuple[Expected, dict[str, dict[Place, Row]], Tables],
) -> None:
    """Who is alerted, why and in which case: an alert too few, and nobody would miss it."""
    _, rows, tables = both
    told = {(row["partition"], row["offset"]): row for row in tables[ALERTS].rows(named=True)}
    assert len(told) > 3
    assert list(unlike_alerts(rows[ALERTS], told, to_the_bit=False)) == []


def test_every_offence_is_named(
    both: tuple[Expected, dict[str, dict[Place, Row]], Tables],
) -> None:
    """Guards against a comparison that is blind: a lost, a doubled and a changed row."""
    oracle, rows, tables = both
    good = tables[SILVER]
    for bad, words in (
        (good[1:], "is missing"),
        (pl.concat([good, good[:1]]), "is there twice"),
        (good.with_columns(amount_minor=pl.col("amount_minor") + 1), "amount_minor"),
        (good.with_columns(hour=pl.lit("2026-01-01T00")), "hour"),
    ):
        told = list(differences(SILVER, rows[SILVER], bad, oracle.opened))
        assert told and all(words in one for one in told)
    features = tables[FEATURES]
    lifted = features.with_columns(pl.col("score") + 1)
    assert list(unlike(features, features)) == []
    assert len(list(unlike(features, lifted))) == 1
