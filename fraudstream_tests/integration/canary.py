"""`make canary`: 2,000 planted people through everything that the stack has, and into every fault.

Half of them come as they should, sealed; half in the clear, as `ALLOW_CLEAR_PII` lets them. Debug logging
is on; a task dies in mid-flush, and a run fails with clear records in its local variables. Then every
byte of the data folder is searched for them.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import dagster as dg
import pytest
from pyspark import StorageLevel
from pyspark.sql import SparkSession

from fraudstream_platform.connection import registry_client
from fraudstream_platform.defs.marts import JOB_NAME as MARTS_JOB
from fraudstream_platform.demo.report import dagster_instance, succeeded
from fraudstream_platform.drain.crash_points import ArmedFailureError, taken_file
from fraudstream_platform.drain.kafka import plain_producer
from fraudstream_platform.drain.planning import DRAIN_JOB
from fraudstream_platform.drain.topics import setup
from fraudstream_platform.lake.tables import open_table
from fraudstream_platform.local import control
from fraudstream_platform.local.dagster import dagster_home
from fraudstream_platform.local.ports import settings_on_free_ports
from fraudstream_platform.measuring.watch import Watch
from fraudstream_platform.protection.keys import tokeniser_of
from fraudstream_platform.settings import Settings
from fraudstream_platform.simulator.producer import schema_id
from fraudstream_platform.simulator.record import FastEncoder, Transaction
from fraudstream_platform.simulator.stream import Stream, StreamConfig
from fraudstream_platform.verify.proof import Finding, prove
from fraudstream_platform.warehouse.dbt import target_dir, warehouse_file
from fraudstream_tests.canary import Planter
from fraudstream_tests.scan import leaks_in_files
from fraudstream_tests.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(2_400)]

PLANTED = 1_000
_PART = PLANTED // 4
_PATIENCE_S = 600.0
"""For each step: the machine may do other things too."""
_SERVICES = ("kafka", "registry", "spark", "code", "marts", "webserver", "daemon")
_KEPT = "kept-of-spark"


@dataclass(frozen=True)
class Day:
    """What was sent, and what the proof said of it before the stack ended."""

    settings: Settings
    sealed: Planter
    clear: Planter
    findings: list[Finding]
    stored: int

    @property
    def data(self) -> Path:
        """All that the stack has left behind."""
        return self.settings.data_dir


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    folder = tmp_path_factory.mktemp("canary")
    (places := folder / "places").mkdir()
    settings = settings_on_free_ports(
        folder / "data", topic_partitions=4, flush_seconds=2.0, state_snapshot_seconds=5.0, marts_nice=0,
        debug_mode=True, crash_points_dir=str(places), allow_clear_pii=True,
        lease_seconds=30.0, run_lease_seconds=120.0,
    )  # fmt: skip
    control.up(settings, _SERVICES)
    try:
        setup(settings)
        yield _live_through(settings, places)
    finally:
        control.down(settings)


def _live_through(settings: Settings, places: Path) -> Day:
    watch = Watch(settings)
    producer = plain_producer(settings)
    number = schema_id(registry_client(settings), settings.transactions_topic, "transaction")
    encoder = FastEncoder(number)
    sealed = Planter(settings, encoder, producer, clear=False)
    clear = Planter(settings, encoder, producer, clear=True)
    transactions = _transactions(settings)

    def send() -> None:
        for planter in (sealed, clear):
            planter.send(islice(transactions, _PART))
        assert producer.flush(60) == 0

    until(watch.is_open, _PATIENCE_S, "a window is open")
    send()
    _wait_for_tables(watch)
    until(lambda: _snapshots(settings), _PATIENCE_S, "a snapshot is written")
    (places / "files_written").touch()
    send()
    until(taken_file(settings, "files_written").exists, _PATIENCE_S, "a task dies in mid-flush")
    (places / "decoded").touch()
    send()
    until(lambda: _failure_is_told(settings), _PATIENCE_S, "a run fails with records in hand")
    (places / "decoded").unlink()
    send()
    _wait_for_tables(watch)
    told = time.time()
    until(
        lambda: succeeded(settings, MARTS_JOB, since_s=told) > 0, _PATIENCE_S, "the marts are built"
    )
    _let_spark_shuffle(settings)
    stored = sum(
        open_table(settings, table).count()
        for table in ("bronze.transactions", "bronze.dead_letter")
    )
    findings = prove(settings, lambda _: None)
    watch.close()
    control.down(settings)
    return Day(settings, sealed, clear, findings, stored)


def _transactions(settings: Settings) -> Iterator[Transaction]:
    config = StreamConfig(
        seed=11, tps=300, count=2 * PLANTED, start_ms=round(time.time() * 1000) - 60_000,
        fraud_rate=0.05, batch_slots=3,
    )  # fmt: skip
    batches = Stream(config, tokeniser_of(settings)).batches()
    return chain.from_iterable(batch.transactions for batch in batches)


def _wait_for_tables(watch: Watch) -> None:
    ends = watch.ends()
    until(lambda: watch.has_committed(ends), _PATIENCE_S, "all that was sent is committed")


def _snapshots(settings: Settings) -> bool:
    return any((settings.data_dir / "state").rglob("*.npz"))


def _failure_is_told(settings: Settings) -> bool:
    """A run may fail for a busy machine's sake, too: it has to be of what was armed."""
    failed = dg.DagsterEventType.STEP_FAILURE
    with dagster_instance(settings) as instance:
        return any(
            ArmedFailureError.__name__ in dg.serialize_value(event)
            for run in instance.get_runs(dg.RunsFilter(job_name=DRAIN_JOB))
            for event in instance.all_logs(run.run_id, of_type=failed)
        )


def _let_spark_shuffle(settings: Settings) -> None:
    """All of Silver through Spark's own files: of a shuffle, and of rows that left memory for the disk.

    No job of the platform lets Spark shuffle records; what one would leave behind is as safe as Silver.
    """
    spark = SparkSession.builder.remote(settings.spark_remote).create()
    uris = open_table(settings, "silver.transactions").file_uris()
    rows = spark.read.parquet(*(uri.removeprefix("file://") for uri in uris))
    kept = rows.repartition(4).persist(StorageLevel.DISK_ONLY)
    assert kept.count() > PLANTED
    # Spark takes these with it when it ends.
    shutil.copytree(settings.data_dir / "spark" / "local", settings.data_dir / _KEPT)
    spark.stop()


def test_nothing_is_lost_or_doubled(day: Day) -> None:
    """A scan of a pipeline that dropped its records would find nothing, too."""
    assert [finding for finding in day.findings if not finding.holds] == []
    assert day.stored == day.sealed.sent + day.clear.sent == 2 * PLANTED


@pytest.mark.parametrize("kind", ["undecodable", "truncated", "unknown_schema", "duplicate"])
def test_planted_records_were_spoiled_in_each_way(day: Day, kind: str) -> None:
    """What never came cannot leak."""
    assert day.sealed.bad[kind] > 10
    assert day.clear.bad[kind] > 10


def test_no_sealed_original_is_in_any_byte(day: Day) -> None:
    """Of 1,000 cards, e-mails and phones: Kafka's own segments, and everything else, hold none."""
    assert len(set(day.sealed.originals)) == 3 * PLANTED
    assert leaks_in_files(day.data, day.sealed.originals) == set()


def test_no_clear_original_is_in_any_byte_but_the_raw_topic(day: Day) -> None:
    """Those stand in the raw topic, where the source put them, and nowhere else."""
    assert len(set(day.clear.originals)) == 3 * PLANTED
    raw = day.settings.transactions_topic
    assert leaks_in_files(day.data, day.clear.originals) != set()
    assert leaks_in_files(day.data, day.clear.originals, except_in=raw) == set()


@pytest.mark.parametrize("planter", ["sealed", "clear"])
@pytest.mark.parametrize("where", ["lake", "warehouse", _KEPT])
def test_planted_people_went_where_it_was_looked(day: Day, where: str, planter: str) -> None:
    """Their tokens are found there: had their originals gone that way, these would be, too."""
    planted = getattr(day, planter).planted
    cards = [one.token for one in planted if one.kind == "card"]
    folders = {"lake": Path(day.settings.lake), "warehouse": warehouse_file(day.settings).parent}
    assert leaks_in_files(folders.get(where, day.data / where), cards) != set()


@pytest.mark.parametrize("topic", ["transactions_topic", "vault_topic"])
def test_kafka_s_own_segments_were_searched(day: Day, topic: str) -> None:
    """The tokens of people who came sealed stand in both topics' segments."""
    cards = [one.token for one in day.sealed.planted if one.kind == "card"]
    found = leaks_in_files(day.data / "kafka", cards)
    assert any(f"{getattr(day.settings, topic)}-" in one and ".log: " in one for one in found)


def test_what_tasks_said_was_searched(day: Day) -> None:
    """Debug lines and the traceback of the failed step are in the logs, the latter in Dagster's too."""
    failed = ArmedFailureError.__name__
    assert leaks_in_files(day.data / "logs", ["[debug    ]"]) != set()
    assert {one.split(":")[0] for one in leaks_in_files(day.data / "logs", [failed])} >= {
        "spark.log"
    }
    assert leaks_in_files(dagster_home(day.settings), [failed]) != set()


def test_snapshots_and_dbt_s_artefacts_were_searched(day: Day) -> None:
    """A snapshot holds no token, an artefact only what dbt itself says."""
    assert leaks_in_files(day.data / "state", ["exchange/"]) != set()
    artefacts = leaks_in_files(target_dir(day.settings), ["fct_transactions"])
    assert {Path(one.split(": ")[0]).suffix for one in artefacts} >= {".json", ".sql", ".log"}
