"""A live system: hours rebuilt from Bronze through Dagster meanwhile, then the quick kills."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from dagster._core.events import DagsterEvent, DagsterEventType
from dagster._core.storage.tags import GRPC_INFO_TAG

from fraudstream_platform.contracts.tables import ALERT_SCHEMA
from fraudstream_platform.detection.rules import RULES_DIR
from fraudstream_platform.drain.topics import setup
from fraudstream_platform.drain.window import WindowRun
from fraudstream_platform.lake.hours import hour_of
from fraudstream_platform.lake.replace import hour_files
from fraudstream_platform.lake.tables import ALERTS, HOUR, REBUILT_ALERTS, open_table, scan
from fraudstream_platform.local.dagster import dagster_environment
from fraudstream_platform.local.environment import python_environment
from fraudstream_platform.local.ports import settings_on_free_ports
from fraudstream_platform.local.stack import Stack
from fraudstream_platform.measuring.probe import AlertProbe
from fraudstream_platform.measuring.watch import Watch
from fraudstream_platform.settings import PROJECT_ROOT, Settings
from fraudstream_platform.simulator.producer import Simulation
from fraudstream_platform.simulator.stream import StreamConfig
from fraudstream_platform.verify.proof import prove
from fraudstream_tests.dagster_ui import ask
from fraudstream_tests.faults.rounds import one_round, transactions
from fraudstream_tests.sessions import warm_session
from fraudstream_tests.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(420)]

COUNT = 24_000
TPS = 200
WINDOW_MS = 15_000
HOUR_MS = 3_600_000
REPLACED = ("silver.transactions", "silver.quarantine", "gold.features")
SELECTED = (*REPLACED, ALERTS)


@dataclass
class Live:
    """A running system whose last two full hours hold rows, and what those hours held."""

    settings: Settings
    hours: tuple[str, str]
    before: dict[tuple[str, str], str]
    simulation: threading.Thread


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A window in each of the last two hours, then the sensor's windows in this one.

    A row's hour is its window's. Windows that begin in a past hour and end now are what a system
    sees whose sensor was late; so the hours are sealed without waiting for the clock.
    """
    folder: Path = tmp_path_factory.mktemp("rebuild")
    settings = settings_on_free_ports(
        folder / "data", topic_partitions=4, flush_seconds=2.0, drain_window_seconds=20
    )
    with Stack(settings, services=("kafka", "registry", "spark")):
        setup(settings)
        spark = warm_session(settings, 2)
        now = round(time.time() * 1000)
        hours = (hour_of(now - 2 * HOUR_MS), hour_of(now - HOUR_MS))
        config = StreamConfig(seed=11, tps=TPS, count=COUNT, start_ms=now + 2_000, fraud_rate=0.03)
        simulation = threading.Thread(target=Simulation(settings, config, bad_rate=0.05).run)
        simulation.start()
        try:
            for number, back in enumerate((2 * HOUR_MS, HOUR_MS)):
                stop = max(round(time.time() * 1000), config.start_ms) + WINDOW_MS
                start = now // HOUR_MS * HOUR_MS - back + HOUR_MS - 60_000
                WindowRun(settings, spark, start, stop, 1, f"past-{number}").execute()
            before = {
                (table, hour): digest(settings, table, hour) for table in REPLACED for hour in hours
            }
            with Stack(settings, services=("code", "webserver", "daemon", "metrics")):
                yield Live(settings, hours, before, simulation)
            spark.stop()
        finally:
            simulation.join(timeout=200)


def rows_of(settings: Settings, table: str, hour: str) -> pl.DataFrame:
    frame: pl.DataFrame = scan(settings, table).filter(pl.col(HOUR) == hour).collect()
    return frame


def digest(settings: Settings, table: str, hour: str) -> str:
    """Hash of an hour's rows in offset order; JSON spells a float with every bit of it."""
    rows = rows_of(settings, table, hour).sort("partition", "offset")
    assert rows.height > 0, f"{table} has no rows in {hour}"
    return hashlib.sha256(rows.write_ndjson().encode()).hexdigest()


LAUNCH = """mutation L($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
STATUS = """query S($id: String!) { partitionBackfillOrError(backfillId: $id) {
    ... on PartitionBackfill { status error { message }
      runs(limit: 10) { runId status } } } }"""
FAILURES = """query F($id: ID!) { logsForRun(runId: $id) {
    ... on EventConnection { events { ... on ExecutionStepFailureEvent {
      error { message } failureMetadata { description } } } } } }"""


def launch(settings: Settings, tables: tuple[str, ...], hours: list[str]) -> str:
    """Launch a backfill as the UI's dialog does; returns its id."""
    params = {
        "assetSelection": [{"path": table.split(".")} for table in tables],
        "partitionNames": hours,
        "fromFailure": False,
        "tags": [],
    }
    launched: str = ask(settings, LAUNCH, params=params)["launchPartitionBackfill"]["backfillId"]
    return launched


def outcome(settings: Settings, backfill: str) -> dict[str, Any]:
    """A backfill's state once it has ended."""
    state: dict[str, Any] = {}

    def is_over() -> bool:
        state.update(ask(settings, STATUS, id=backfill)["partitionBackfillOrError"])
        return bool(state["status"] in ("COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED"))

    until(is_over, 150, "the end of the backfill")
    return state


def failures_of(settings: Settings, state: dict[str, Any]) -> str:
    return "\n".join(
        json.dumps(ask(settings, FAILURES, id=run["runId"])["logsForRun"]) for run in state["runs"]
    )


@dataclass(frozen=True)
class Backfills:
    """Ids of backfills that were launched together, and the files that the first one replaces."""

    this_hour: str
    sealed: str
    current: str
    bronze: str
    old: dict[tuple[str, str], frozenset[str]]


@pytest.fixture(scope="module")
def backfills(live: Live) -> Backfills:
    settings, hours = live.settings, list(live.hours)
    until(
        lambda: hour_files(settings, "gold.features", hour_of(round(time.time() * 1000))) != set(),
        120,
        "a live flush of this hour",
    )
    this_hour = hour_of(round(time.time() * 1000))
    old = {place: hour_files(settings, *place) for place in live.before}
    return Backfills(
        this_hour=this_hour,
        sealed=launch(settings, SELECTED, hours),
        current=launch(settings, SELECTED, [this_hour]),
        bronze=launch(settings, ("bronze.transactions", *SELECTED), hours[:1]),
        old=old,
    )


def test_a_backfill_of_sealed_hours_gives_the_live_rows_bit_for_bit(
    live: Live, backfills: Backfills
) -> None:
    """Guards against a rebuild that differs from what ran live, while live draining goes on."""
    settings = live.settings
    state = outcome(settings, backfills.sealed)
    assert state["status"] == "COMPLETED_SUCCESS", failures_of(settings, state)
    assert len(state["runs"]) == 1  # a range is one run: hours in order, one process
    for (table, hour), before in live.before.items():
        assert hour_files(settings, table, hour).isdisjoint(backfills.old[table, hour])
        assert digest(settings, table, hour) == before
    for hour in live.hours:  # what other tasks told is part of it
        found = rows_of(settings, "gold.features", hour)
        assert found["merchant_cards_10m"].to_numpy().max() > 1


@pytest.mark.usefixtures("backfills")
def test_rebuilt_alerts_stand_beside_those_that_went_out(live: Live) -> None:
    """Guards against rebuilt alerts on the topic, or in the table of what really went out."""
    columns = list(ALERT_SCHEMA)
    for hour in live.hours:
        sent = rows_of(live.settings, ALERTS, hour).select(columns).sort("alert_id")
        rebuilt = rows_of(live.settings, REBUILT_ALERTS, hour).select(columns).sort("alert_id")
        assert sent.height > 0
        assert rebuilt.write_ndjson() == sent.write_ndjson()


def test_the_current_hour_is_refused_with_what_to_do(live: Live, backfills: Backfills) -> None:
    """Guards against an hour replaced while it still gets rows: they would stand twice."""
    state = outcome(live.settings, backfills.current)
    if hour_of(round(time.time() * 1000)) != backfills.this_hour:
        pytest.skip("the hour ended while the backfill waited for its turn")
    assert state["status"] == "COMPLETED_FAILED"
    assert "is not over yet" in failures_of(live.settings, state)


def test_bronze_is_refused(live: Live, backfills: Backfills) -> None:
    """Guards against a backfill that drains today's log and calls it an hour of last week."""
    state = outcome(live.settings, backfills.bronze)
    assert state["status"] == "COMPLETED_FAILED"
    assert "without Bronze" in failures_of(live.settings, state)


def test_the_command_line_rebuilds_one_hour_and_no_other(live: Live) -> None:
    """Guards against a rebuild that touches the hours beside the one that was asked for."""
    settings, (first, second) = live.settings, live.hours
    old = {hour: hour_files(settings, "gold.features", hour) for hour in live.hours}
    silver = hour_files(settings, "silver.transactions", second)
    definitions = ["-m", "fraudstream_platform.definitions"]
    chosen = ["--select", "gold/features", "--partition", second]
    done = subprocess.run(
        [sys.executable, "-m", "dagster", "asset", "materialize", *definitions, *chosen],
        env=dagster_environment(settings),
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert hour_files(settings, "gold.features", second).isdisjoint(old[second])
    assert hour_files(settings, "gold.features", first) == old[first]
    assert hour_files(settings, "silver.transactions", second) == silver
    assert digest(settings, "gold.features", second) == live.before["gold.features", second]


def command(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`fraudstream` with these arguments, on this stack."""
    return subprocess.run(
        [sys.executable, "-m", "fraudstream_platform.cli", *arguments],
        env=python_environment(settings),
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def test_rebuild_leaves_out_what_is_done_and_does_it_anew_when_told(live: Live) -> None:
    """Guards against a resumed rebuild that repeats hours, and one that cannot repeat any."""
    settings, (first, second) = live.settings, live.hours
    old = {hour: hour_files(settings, "gold.features", hour) for hour in live.hours}
    resumed = command(settings, "rebuild", "--from", first, "--to", second)
    assert resumed.returncode == 0, resumed.stderr
    assert "No hour is due" in resumed.stdout
    assert {hour: hour_files(settings, "gold.features", hour) for hour in live.hours} == old
    anew = command(settings, "rebuild", "--from", second, "--to", second, "--again")
    assert anew.returncode == 0, anew.stderr
    assert f"{second}  rebuilt" in anew.stdout
    assert hour_files(settings, "gold.features", first) == old[first]
    assert hour_files(settings, "gold.features", second).isdisjoint(old[second])
    for table in REPLACED:
        assert digest(settings, table, second) == live.before[table, second]


def test_other_rules_stand_beside_until_they_are_promoted(live: Live, tmp_path: Path) -> None:
    """Guards against a rule set that changes what readers see before anybody decided so."""
    settings, (first, second) = live.settings, live.hours
    rules = tmp_path / "strict.yaml"
    rules.write_text(
        (RULES_DIR / "default.yaml").read_text().replace("name: default", "name: strict")
    )
    span = ("--from", first, "--to", second)
    refused = command(settings, "rebuild", *span, "--rules", str(rules))
    assert (refused.returncode, "Add --as NAME" in refused.stderr) == (2, True), refused.stderr
    built = command(settings, "rebuild", *span, "--rules", str(rules), "--as", "strict")
    assert built.returncode == 0, built.stderr
    for (table, hour), before in live.before.items():
        assert digest(settings, table, hour) == before

    promoted = command(settings, "promote", "strict", "--yes")
    assert promoted.returncode == 0, promoted.stderr
    for hour in live.hours:
        decided = rows_of(settings, "gold.features", hour)["rules_version"].unique().to_list()
        assert [version.partition("-")[0] for version in decided] == ["strict"]
        assert (
            digest(settings, "silver.transactions", hour)
            == (live.before["silver.transactions", hour])
        )


def test_the_metrics_of_a_live_drain_are_served(live: Live) -> None:
    """Guards against an endpoint that answers and knows nothing."""
    url = f"http://127.0.0.1:{live.settings.port_base + 8}/metrics"

    def served() -> dict[str, float]:
        with urllib.request.urlopen(url, timeout=10) as response:
            lines = response.read().decode().splitlines()
        pairs = [line.rsplit(" ", 1) for line in lines if not line.startswith("#")]
        return {name: float(value) for name, value in pairs}

    rows = 'fraudstream_rows_total{table="bronze.transactions"}'
    until(lambda: served().get(rows, 0) > 0, 60, "flushed rows in the metrics")
    figures = served()
    assert figures['fraudstream_owner_heard_timestamp_seconds{group="0"}'] > time.time() - 60
    assert figures['fraudstream_lag_records{partition="0"}'] >= 0
    assert figures["fraudstream_run_heard_timestamp_seconds"] > time.time() - 60


def test_a_run_whose_process_died_with_its_server_is_marked_failed(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a dead run that stays STARTED, and holds the next refresh for ever."""
    settings = live.settings
    for name, value in dagster_environment(settings).items():
        monkeypatch.setenv(name, value)
    server = {"host": "127.0.0.1", "port": settings.port_base + 5}
    with dg.DagsterInstance.get() as instance:
        # What such a run leaves: it began on this server, which has been started again since.
        run = instance.add_run(
            dg.DagsterRun(
                job_name="network",
                run_id=str(uuid.uuid4()),
                tags={GRPC_INFO_TAG: json.dumps(server)},
            )
        )
        instance.report_dagster_event(
            DagsterEvent(DagsterEventType.RUN_START.value, "network"), run.run_id
        )

        def is_failed() -> bool:
            found = instance.get_run_by_id(run.run_id)
            return found is not None and found.status == dg.DagsterRunStatus.FAILURE

        until(is_failed, 60, "the dead run is marked failed")


def test_the_doctor_finds_a_live_system_well_and_names_what_was_left_out(live: Live) -> None:
    """Guards against failures told of a pipeline that works, and silence about a missing part."""
    levels: dict[str, str] = {}

    def only_what_was_left_out_fails() -> bool:
        """On a busy machine an owner may be silent for longer than its short lease, once."""
        done = command(live.settings, "doctor", "--json")
        assert done.returncode == 1, done.stderr
        levels.clear()
        levels.update({check["name"]: check["level"] for check in json.loads(done.stdout)})
        failed = {name for name, level in levels.items() if level == "FAIL"}
        return failed == {"service marts", "service docs", "location marts"}

    until(only_what_was_left_out_fails, 90, "a report without other failures")
    for name in ("broker", "topics", "registry", "spark", "webserver", "daemon", "owners"):
        assert levels[name] == "ok"


def test_the_proof_holds_after_rebuilds_under_a_live_stream(live: Live) -> None:
    """Guards against loss or doubling where replacements and live appends meet."""

    def stored() -> int:
        tables = ("bronze.transactions", "bronze.dead_letter")
        return sum(open_table(live.settings, table).count() for table in tables)

    live.simulation.join(timeout=200)
    until(lambda: stored() == COUNT, 120, "storing every record")
    assert [finding for finding in prove(live.settings) if not finding.holds] == []


def test_a_killed_run_and_a_killed_worker_lose_and_double_nothing(live: Live) -> None:
    """One round each of the quick kinds on this stack; `make faults` runs more of all."""
    watch, probe = Watch(live.settings), AlertProbe(live.settings)
    try:
        with transactions(live.settings, watch, seed=5, tps=500):
            for kind in ("run", "worker"):
                one_round(live.settings, watch, probe, kind, seed=1)
    finally:
        probe.close()
        watch.close()
    assert [finding for finding in prove(live.settings) if not finding.holds] == []
