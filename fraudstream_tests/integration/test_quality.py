"""A source that degrades, on the real broker, registry and Spark: held, told once, recovered, replayed.

And its schema: what a producer may change in mid-stream, what the registry refuses, and what happens
to bytes that come all the same.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from fraudstream_platform.contracts.codec import Encoder
from fraudstream_platform.contracts.schemas import avro_schema, transaction_schema
from fraudstream_platform.defs.quality import KEY, SPECS, well_check
from fraudstream_platform.detection.sample import sample_row, token
from fraudstream_platform.detection.step import HELD
from fraudstream_platform.drain.kafka import plain_producer
from fraudstream_platform.drain.topics import setup
from fraudstream_platform.drain.window import WindowRun
from fraudstream_platform.lake.tables import QUALITY, scan
from fraudstream_platform.local.ports import settings_on_free_ports
from fraudstream_platform.local.stack import Stack
from fraudstream_platform.quality.store import broken_rules
from fraudstream_platform.quality.topic import publish, told
from fraudstream_platform.quality.webhook import ReceiverAwayError, post
from fraudstream_platform.quality.window import Measurement, measure_window
from fraudstream_platform.quarantine.kept import Choice
from fraudstream_platform.quarantine.replay import Outcome, replay
from fraudstream_platform.settings import Settings
from fraudstream_platform.simulator.producer import schema_id
from fraudstream_platform.verify.proof import prove
from fraudstream_tests.breaker_oracle import held_rows
from fraudstream_tests.receiver import Receiver
from fraudstream_tests.sessions import warm_session

pytestmark = [pytest.mark.integration, pytest.mark.timeout(280)]

Record = dict[str, Any]
MINUTE_MS = 60_000


def record(number: int, now_ms: int, **changes: Any) -> Record:
    """An ordinary purchase of one of 40 customers, as Avro writers take it."""
    who = number % 40
    row = sample_row(number, customer=token("cu", who), card=token("ca", who))
    row |= {"transaction_id": f"q-{number}", "event_time": now_ms, "sent_at": now_ms} | changes
    return {name: row.get(name) for name in transaction_schema()}


def degraded(number: int, now_ms: int) -> Record:
    """The script: in turn nulls, a wrong currency, a clock that is ten minutes ahead."""
    nulls = {"bin8": None, "product": None, "sent_at": None, "utc_offset_min": None, "card": None}
    nulls |= {"latitude": None, "longitude": None, "geo_precision_km": None}
    changes: list[Record] = [
        nulls,
        {"currency": "EURO"},
        {"event_time": now_ms + 10 * MINUTE_MS},
    ]
    return record(number, now_ms, **changes[number % 3])


@dataclass
class Story:
    """What was sent and what became of it."""

    settings: Settings
    receiver: Receiver
    measured: dict[str, Measurement] = field(default_factory=dict)
    posted: dict[str, int] = field(default_factory=dict)
    refused: str = ""
    numbers: dict[str, range] = field(default_factory=dict)
    replayed: list[Outcome] = field(default_factory=list)


class Teller:
    """Sends records and drains them, a window at a time."""

    def __init__(self, story: Story) -> None:
        self.story = story
        settings = story.settings
        self.registry = SchemaRegistryClient({"url": settings.registry_url})
        known = schema_id(self.registry, settings.transactions_topic, "transaction")
        self.v1 = Encoder(known, avro_schema("transaction"))
        self._producer = plain_producer(settings)
        self._spark = warm_session(settings, 1)
        self._number = 0

    def window(self, name: str, *batches: tuple[int, Callable[[int, int], bytes]]) -> None:
        """Send batches, drain them as one window, measure it and tell."""
        settings = self.story.settings
        begin = self._number
        for count, encode in batches:
            for _ in range(count):
                now_ms = round(time.time() * 1000)
                key = token("cu", self._number % 40).encode()
                value = encode(self._number, now_ms)
                self._producer.produce(settings.transactions_topic, value=value, key=key)
                self._number += 1
        self._producer.flush()
        self.story.numbers[name] = range(begin, self._number)
        now = round(time.time() * 1000) + 1  # past what was appended in this very millisecond
        run = WindowRun(settings, self._spark, now, now, 1, f"run-{name}")
        report = run.execute()
        self.story.measured[name] = measure_window(settings, (now, now), report.ended)
        publish(settings)

    def good(self, number: int, now_ms: int) -> bytes:
        return self.v1.encode(record(number, now_ms))

    def mobile(self, number: int, now_ms: int) -> bytes:
        return self.v1.encode(record(number, now_ms, source="MOBILE"))

    def bad(self, number: int, now_ms: int) -> bytes:
        return self.v1.encode(degraded(number, now_ms))


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder: Path = tmp_path_factory.mktemp("quality")
    receiver = Receiver()
    settings = settings_on_free_ports(
        folder / "data",
        topic_partitions=2,
        drain_groups=1,
        flush_seconds=1.0,
        quality_webhook_url=receiver.url,
    )
    with Stack(settings, services=("kafka", "registry", "spark")):
        setup(settings)
        found = Story(settings, receiver)
        _live_through(found)
        yield found
    receiver.close()


def _live_through(story: Story) -> None:
    settings, teller = story.settings, Teller(story)
    teller.window("well", (200, teller.good), (100, teller.mobile))
    story.receiver.status = 503
    teller.window("degrades", (240, teller.bad), (100, teller.mobile))
    with pytest.raises(ReceiverAwayError):
        post(settings)
    teller.window("still", (120, teller.bad), (100, teller.mobile))
    story.receiver.status = 200
    story.posted["back"] = len(post(settings))
    teller.window("repaired", (200, teller.good), (100, teller.mobile))
    teller.window("recovered", (100, teller.good), (100, teller.mobile))
    story.posted["recovered"] = len(post(settings))
    _change_the_schema(story, teller)
    choice = Choice(rules=[HELD], sources=["POS"])
    story.replayed = [replay(settings, choice), replay(settings, choice)]
    teller.window("replayed")
    story.replayed.append(replay(settings, choice))


def _change_the_schema(story: Story, teller: Teller) -> None:
    subject = f"{story.settings.transactions_topic}-value"
    contract = avro_schema("transaction")
    tier = {"name": "loyalty_tier", "type": ["null", "string"], "default": None}
    second = {**contract, "fields": [*contract["fields"], tier]}
    v2 = Encoder(teller.registry.register_schema(subject, _schema(second)), second)
    third = {**contract, "fields": [_amount_as_text(one) for one in contract["fields"]]}
    try:
        teller.registry.register_schema(subject, _schema(third))
    except SchemaRegistryError as error:
        story.refused = str(error)
    elsewhere = teller.registry.register_schema("forced-value", _schema(third))

    def newer(number: int, now_ms: int) -> bytes:
        return v2.encode(record(number, now_ms) | {"loyalty_tier": "gold"})

    def forced(number: int, now_ms: int) -> bytes:
        bad = record(number, now_ms) | {"amount_minor": "2500"}
        under = elsewhere if number % 2 else teller.v1.schema_id
        return Encoder(under, third).encode(bad)

    teller.window("schema", (60, teller.good), (60, newer), (60, teller.good), (20, forced))


def _schema(content: Record) -> Schema:
    return Schema(json.dumps(content), "AVRO")


def _amount_as_text(one: Record) -> Record:
    return {"name": "amount_minor", "type": "string"} if one["name"] == "amount_minor" else one


def rows(story: Story, table: str, *names: str) -> pl.DataFrame:
    """Rows of a table that were sent in the windows named."""
    ids = [f"q-{number}" for name in names for number in story.numbers[name]]
    return scan(story.settings, table).filter(pl.col("transaction_id").is_in(ids)).collect()


def figures(story: Story, name: str, source: str) -> Record:
    return story.measured[name].metrics.filter(source=source).row(0, named=True)


def test_every_record_is_counted_where_it_belongs(story: Story) -> None:
    """The quarantine is exact: what the script broke, and what the breaker held by the naive count."""
    broken = rows(story, "silver.quarantine", "degrades", "still").filter(source="POS")
    assert broken.height == 240 + 120
    counts = broken["failed_rules"].explode().value_counts()
    by_rule = dict(counts.iter_rows())
    assert by_rule["currency_known"] == by_rule["event_time_in_future"] == 120
    assert by_rule["product_missing"] == 120
    everything = pl.concat(
        [scan(story.settings, f"silver.{one}").collect() for one in ("transactions", "quarantine")],
        how="diagonal",
    ).sort("partition", "offset")
    oracle = held_rows(everything.select("partition", "source", "quality_score").rows(), 0.8)
    is_held = pl.col("failed_rules").list.contains(HELD).fill_null(False)
    assert everything.select(is_held).to_series().to_list() == oracle
    repaired = rows(story, "silver.quarantine", "repaired")
    assert set(repaired["source"]) == {"POS"}
    assert 0 < repaired.height == figures(story, "repaired", "POS")["held"] < 200


def test_silver_is_clean(story: Story) -> None:
    """Nothing of the degraded source is believed, and nothing of the others is lost."""
    silver = scan(story.settings, "silver.transactions").collect()
    assert rows(story, "silver.transactions", "degrades", "still").filter(source="POS").height == 0
    assert silver.filter(source="MOBILE").height == 500
    assert broken_rules(silver, story.settings.oldest_event_days) == {}


def test_one_notification_and_one_recovery(story: Story) -> None:
    """Not one a window, and not lost with a receiver that was down."""
    on_topic = [one for one in told(story.settings) if one["source"] != "topic"]
    assert [(one["kind"], one["source"]) for one in on_topic] == [
        ("degraded", "POS"), ("recovered", "POS"),
    ]  # fmt: skip
    assert on_topic[0]["records"] == on_topic[0]["quarantined"] == 240
    assert "validity is 33.3%, below 95%" in on_topic[0]["reasons"]
    assert story.receiver.refused == 3
    assert story.posted == {"back": 1, "recovered": 1}
    assert story.receiver.ids[:2] == [one["notice_id"] for one in on_topic]


def test_the_check_is_red_while_the_source_is_degraded(story: Story) -> None:
    """With numbers and a sample that names no identity."""
    passed = {name: well_check(one).passed for name, one in story.measured.items()}
    assert passed == {
        "well": True, "degrades": False, "still": False, "repaired": False, "recovered": True,
        "schema": False, "replayed": False,
    }  # fmt: skip
    red = well_check(story.measured["degrades"])
    assert red.severity == dg.AssetCheckSeverity.ERROR
    assert "POS: " in str(red.description)
    sample = str(red.metadata["quarantined_sample"].value)
    assert "currency_known" in sample
    assert "cu1_" not in sample


def test_dagster_shows_the_check_red_and_green_again(story: Story) -> None:
    """What a person sees: the newest evaluation of the check, of which Dagster's UI makes its colour."""

    windows: list[str] = []

    @dg.multi_asset(specs=[dg.AssetSpec(KEY)], check_specs=SPECS[:1])
    def measured() -> Iterator[Any]:
        yield dg.MaterializeResult(asset_key=KEY)
        yield well_check(story.measured[windows[-1]])

    key = dg.AssetCheckKey(KEY, "sources_are_well")
    colours = {}
    with dg.DagsterInstance.ephemeral() as instance:
        for window in ("well", "degrades", "still", "recovered"):
            windows.append(window)
            dg.materialize([measured], instance=instance)
            (record,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
            colours[window] = record.status.value
    assert colours == {
        "well": "SUCCEEDED", "degrades": "FAILED", "still": "FAILED", "recovered": "SUCCEEDED",
    }  # fmt: skip


def test_metrics_count_every_record_once(story: Story) -> None:
    """Windows follow the journal: a record in none, or in two, would make every share doubtful."""
    metrics = scan(story.settings, QUALITY).collect()
    by_source = metrics.filter(pl.col("source") != "topic")
    records, valid, kept_out = by_source.select("records", "valid", "quarantined").sum().row(0)
    assert records == valid + kept_out
    stored = scan(story.settings, "bronze.transactions").select(pl.len()).collect().item()
    assert records == stored
    sent = sum(map(len, story.numbers.values())) + story.replayed[0].sent
    assert metrics.filter(source="topic")["records"].sum() == sent
    assert [one for one in prove(story.settings) if not one.holds] == []


def test_a_compatible_schema_in_mid_stream_loses_nothing(story: Story) -> None:
    """Old and new writers are read side by side."""
    assert rows(story, "silver.transactions", "schema").height == 180
    assert len(figures(story, "schema", "POS")["schema_ids"]) == 2


def test_an_incompatible_schema_is_refused_by_the_registry(story: Story) -> None:
    """Its author learns why, before any record is sent."""
    assert "409" in story.refused
    assert "amount_minor" in story.refused or "incompatible" in story.refused.lower()


def test_bytes_forced_past_the_registry_are_dead_letters(story: Story) -> None:
    """Neither under a schema id of another subject nor under one that they were not written with."""
    dead = scan(story.settings, "bronze.dead_letter").collect()
    assert dict(dead["error_class"].value_counts().iter_rows()) == {
        "undecodable": 10, "unknown_schema": 10,
    }  # fmt: skip
    assert figures(story, "schema", "topic")["dead_letters"] == 20
    assert figures(story, "schema", "topic")["notice"] == "degraded"


def test_held_records_are_put_through_again_once(story: Story) -> None:
    """After the repair they are rows of Silver with features, and remember their first place.

    Repeated at once and after they were drained, the call finds nothing left to send.
    """
    held = rows(story, "silver.quarantine", "repaired")
    broken = rows(story, "silver.quarantine", "degrades", "still").filter(
        pl.col("failed_rules").list.contains(HELD)
    )
    first, repeated, late = story.replayed
    assert (first.sent, repeated.sent, late.sent) == (held.height, 0, 0)
    assert first.refused.total() == late.refused.total() == broken.height
    again = rows(story, "silver.transactions", "repaired").drop_nulls("first_offset")
    assert (
        again.select("partition", "first_offset", "first_append_time")
        .sort("partition", "first_offset")
        .rows()
        == held.select("partition", "offset", "append_time").sort("partition", "offset").rows()
    )
    assert (again["append_time"] > again["first_append_time"]).all()
