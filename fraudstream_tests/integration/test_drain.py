"""The drain on the real broker, registry and Spark: windows, hand-over, bad input, and the proof."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import NewPartitions, NewTopic

from fraudstream_platform.drain.followers import Followers
from fraudstream_platform.drain.heads import read_heads
from fraudstream_platform.drain.journal import COMPLETE, Entry, JournalReader, Term
from fraudstream_platform.drain.kafka import admin
from fraudstream_platform.drain.ledger import Ledger
from fraudstream_platform.drain.reshard import reshard
from fraudstream_platform.drain.resume import RegroupError
from fraudstream_platform.drain.topics import setup
from fraudstream_platform.drain.window import WindowReport, WindowRun
from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.tables import ALERTS, ENTITY_TOUCHES, open_table, scan
from fraudstream_platform.local.ports import settings_on_free_ports
from fraudstream_platform.local.stack import Stack
from fraudstream_platform.network.findings import Finding, Reason
from fraudstream_platform.network.refresh import Report, refresh, tell
from fraudstream_platform.settings import Settings
from fraudstream_platform.simulator.producer import Simulation
from fraudstream_platform.simulator.stream import StreamConfig
from fraudstream_platform.verify.proof import prove
from fraudstream_tests.sessions import warm_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.integration, pytest.mark.timeout(280)]

COUNT = 12_000
TPS = 400
BAD_RATE = 0.05


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    folder: Path = tmp_path_factory.mktemp("drain")
    found = settings_on_free_ports(folder / "data", topic_partitions=4, flush_seconds=2.0)
    with Stack(found, services=("kafka", "registry", "spark")):
        setup(found)
        setup(found)  # repeating it changes nothing
        yield found


@pytest.fixture(scope="module")
def spark(settings: Settings) -> Iterator[SparkSession]:
    """The session of all windows here: once ended, one of its name never opens again."""
    session = warm_session(settings, 4)
    yield session
    session.stop()


@pytest.fixture(scope="module")
def drained(settings: Settings, spark: SparkSession) -> tuple[list[WindowReport], dict[str, Any]]:
    """Two windows over one open-loop stream, the second one standing by while the first drains."""
    now = round(time.time() * 1000)
    config = StreamConfig(
        seed=7, tps=TPS, count=COUNT, start_ms=now + 2000, fraud_rate=0.02, batch_slots=2
    )
    simulation = Simulation(settings, config, bad_rate=BAD_RATE)
    reports: dict[int, WindowReport] = {}
    errors: list[Exception] = []

    def run(number: int, start: int, stop: int) -> None:
        try:
            reports[number] = WindowRun(settings, spark, start, stop, 1, f"run-{number}").execute()
        except Exception as error:  # noqa: BLE001 - told to the test's own thread
            errors.append(error)

    middle, end = now + 20_000, now + 36_000
    threads = [
        threading.Thread(target=run, args=(0, now, middle)),
        threading.Thread(target=run, args=(1, middle, end)),
        threading.Thread(target=simulation.run),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=200)
    assert not errors, errors
    summary = simulation.summary
    sent: dict[str, Any] = {"produced": summary.produced, "bad": summary.bad_records}
    sent |= {"labels": summary.labels, "refresh": refresh(settings, spark, "refresh-0")}
    return [reports[0], reports[1]], sent


def test_every_record_is_a_row_or_a_dead_letter(
    settings: Settings, drained: tuple[list[WindowReport], dict[str, Any]]
) -> None:
    """Guards against loss and doubling: the proof holds after two windows and a hand-over."""
    findings = prove(settings)
    assert [finding for finding in findings if not finding.holds] == []
    stored = sum(
        open_table(settings, table).count()
        for table in ("bronze.transactions", "bronze.dead_letter")
    )
    assert stored == drained[1]["produced"] == COUNT


def test_windows_join_and_hand_over(
    drained: tuple[list[WindowReport], dict[str, Any]],
) -> None:
    """The second window starts at exactly the offsets at which the first one ended."""
    first, second = drained[0]
    assert second.started == first.ended
    assert len(second.handover_gap_ms) == 2
    assert not first.gaps
    assert not second.gaps


def test_bad_records_have_a_named_place(
    settings: Settings, drained: tuple[list[WindowReport], dict[str, Any]]
) -> None:
    """Every kind of bad record is counted where it belongs, and nothing else is."""
    bad = drained[1]["bad"]
    assert sum(bad.values()) > COUNT * BAD_RATE / 2
    rejected = sum(
        open_table(settings, table).count() for table in ("bronze.dead_letter", "silver.quarantine")
    )
    assert rejected == sum(bad.values())


def test_alerts_are_on_topic_and_in_table(
    settings: Settings, drained: tuple[list[WindowReport], dict[str, Any]]
) -> None:
    """Injected fraud raises alerts, and a repeat of the committer brings none twice."""
    alerts = open_table(settings, "gold.alerts").count()
    assert alerts > 0
    assert alerts == sum(len(report.latencies_ms) for report in drained[0])


def test_every_label_is_a_row_once(
    settings: Settings, drained: tuple[list[WindowReport], dict[str, Any]]
) -> None:
    """Guards against labels lost at a hand-over, or brought by both of its runs."""
    reports, sent = drained
    labels = scan(settings, "labels.transactions").collect()
    assert labels.height == sent["labels"] > 0
    assert labels["problem"].null_count() == labels.height
    assert sum(report.followed["labels.transactions"] for report in reports) == labels.height
    assert reports[1].labels_waiting == 0


def test_who_takes_over_knows_what_lies_behind_a_strangers_open_transaction(
    settings: Settings,
) -> None:
    """Guards against alerts published twice and flushes that overlap, after which nothing commits.

    To a reader of committed records the journal ends where the oldest open transaction begins.
    """
    apart = settings.model_copy(update={"journal_topic": "a.journal.apart"})
    group = 3  # nobody's
    client = admin(settings)  # named, since a future whose client is gone never answers
    client.create_topics([NewTopic(apart.journal_topic, group + 1)])[apart.journal_topic].result()
    before, after = Ledger(apart, group), Ledger(apart, group)
    stranger = Producer(
        {
            "bootstrap.servers": settings.bootstrap,
            "transactional.id": "a-stranger",
            "transaction.timeout.ms": 3_000,
        }
    )
    journal = JournalReader(apart)
    try:
        before.fence()
        stranger.init_transactions(30)
        stranger.begin_transaction()
        stranger.produce(apart.journal_topic, b"never committed", partition=group)
        stranger.flush(30)
        before.commit([Entry("final", group, Term(1, 1, 0), "a run", 2)], [])
        assert journal.tail(group, COMPLETE) == []  # else this test shows nothing
        after.fence()
        assert [entry.run_id for entry in journal.tail(group, COMPLETE)] == ["a run"]
    finally:
        journal.close()
        before.close()
        after.close()


@pytest.mark.usefixtures("drained")
def test_what_tasks_tell_each_other_is_counted_and_kept(settings: Settings) -> None:
    """Guards against tasks that hear nobody: patterns over many cards would be silent, unseen."""
    messages = scan(settings, ENTITY_TOUCHES).collect().sort("topic_offset")
    assert messages["topic_offset"].to_list() == list(range(messages.height))
    assert set(messages["partition"].explode()) == {0, 1, 2, 3}
    told = messages.select("partition", "offset").explode("partition", "offset")
    # A successor cannot know all that its predecessor told.
    assert told.is_duplicated().sum() < 0.05 * told.height
    features = scan(settings, "gold.features").collect()
    assert features["merchant_cards_10m"].to_numpy().max() > 1
    assert features["device_cards_24h"].to_numpy().max() > 0


def test_profiles_are_made_of_silver_and_ordinary_traffic_has_no_group(
    settings: Settings, drained: tuple[list[WindowReport], dict[str, Any]]
) -> None:
    """Guards against a refresh that sees other rows than Silver's, or groups in a quiet stream."""
    report: Report = drained[1]["refresh"]
    silver = open_table(settings, "silver.transactions").count()
    assert [part.silver_rows for part in report.parts] == [silver, silver]
    assert [part.findings for part in report.parts] == [(), ()]
    assert report.is_in_time
    merchants = scan(settings, "gold.profiles_merchants").collect()
    assert merchants.height == report.parts[0].profile_rows > 100
    assert merchants["version"].unique().to_list() == [report.version]


@pytest.mark.usefixtures("drained")
def test_a_group_is_told_of_once_on_the_topic_and_in_the_table(settings: Settings) -> None:
    """Guards against an alert a refresh, and against one that the proof stumbles over."""
    row = scan(settings, "silver.transactions").tail(1).collect().row(0, named=True)
    reason = Reason("MC01", "5 customers", 5.0, 0.1, 86_400, "merchant group")
    newest = (row["partition"], row["offset"])
    group = Finding("merchant_collusion", ("A", "B", "C"), 700, (reason,), newest, 120)
    before = open_table(settings, ALERTS).count()
    assert tell(settings, [group]) == [group]
    assert tell(settings, [replace(group, members=("A", "B", "C", "D"))]) == []
    followers = Followers(settings)
    try:
        deadline = time.monotonic() + 30
        while open_table(settings, ALERTS).count() == before:
            assert time.monotonic() < deadline, "the alert did not reach its table"
            list(followers.follow(at_once=True))
            time.sleep(0.1)
    finally:
        followers.close()
    told = scan(settings, ALERTS).filter(pl.col("case_key").str.starts_with("collusion:group:"))
    assert told.select("transaction_id").collect().rows() == [(row["transaction_id"],)]
    assert [finding for finding in prove(settings) if not finding.holds] == []


MORE = 6
"""Partitions after somebody adds two."""


@pytest.fixture(scope="module")
def grown(settings: Settings, drained: tuple[list[WindowReport], dict[str, Any]]) -> Settings:
    """The settings for two more partitions, which somebody adds to the topic."""
    client = admin(settings)  # named, since a future whose client is gone never answers
    asked = client.create_partitions([NewPartitions(settings.transactions_topic, MORE)])
    for future in asked.values():
        future.result(timeout=30)
    return settings.model_copy(update={"topic_partitions": MORE})


def test_added_partitions_are_refused_until_state_has_moved(
    settings: Settings, grown: Settings
) -> None:
    """Guards against records that nobody reads, and customers who start from nothing."""
    spark: Any = None  # it is refused before anything is placed
    now = round(time.time() * 1000)
    with pytest.raises(RegroupError, match=r"TOPIC_PARTITIONS to 6 and run `fraudstream reshard`"):
        WindowRun(settings, spark, now, now + 1_000, 1, "unaware").execute()
    with pytest.raises(RegroupError, match="has 6 partitions"):
        read_heads(settings)
    with pytest.raises(RegroupError, match="fraudstream reshard"):
        WindowRun(grown, spark, now, now + 1_000, 1, "too-early").execute()


def test_state_moves_with_its_customers_and_nothing_is_lost(
    settings: Settings, grown: Settings
) -> None:
    """Guards against moved customers without a past, and rows lost or doubled on the way."""
    reshard(grown)
    with pytest.raises(UserError, match="have 6 partitions in 2 groups already"):
        reshard(grown)
    stored = open_table(settings, "bronze.transactions").count()
    now = round(time.time() * 1000)
    config = StreamConfig(seed=7, tps=TPS, count=2_000, start_ms=now, fraud_rate=0.02)
    Simulation(grown, config).run()
    stop = round(time.time() * 1000) + 1
    # Workers have the settings that their server was started with.
    restarted = settings_on_free_ports(
        settings.data_dir, topic_partitions=MORE, flush_seconds=2.0,
        kafka_bootstrap_servers=settings.bootstrap, schema_registry_url=settings.registry_url,
    )  # fmt: skip
    with Stack(restarted, services=("spark",)):
        spark = warm_session(restarted, 2)
        report = WindowRun(restarted, spark, now, stop, 1, "resharded").execute()
        spark.stop()
        assert set(report.ended) == set(range(MORE))
        assert open_table(settings, "bronze.transactions").count() == stored + config.count
        assert [finding for finding in prove(restarted) if not finding.holds] == []
    came = pl.col("partition") >= settings.topic_partitions
    moved = scan(settings, "gold.features").filter(came).collect()
    past = scan(settings, "silver.transactions").filter(~came).select("customer").unique()
    known = moved.join(past.collect(), on="customer", how="semi")
    assert known.height > 0
    assert known.filter(pl.col("customer_n_30d") == 0).height == 0
