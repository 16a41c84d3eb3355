"""A week of one-minute windows in Dagster's storage, with retention: it stays bounded.

All 10,080 runs have their records and tags, as the sensor's requests make them. Events take a hundred
times as long to store: three runs are real ones, with events, a materialization, a check and output.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.runs import SqlRunStorage
from dagster._core.storage.runs.schema import RunsTable, RunTagsTable
from dagster._serdes import serialize_value

from fraudstream_platform.defs.requests import JOB_NAME, policy_of, run_request
from fraudstream_platform.defs.sensor import drain_runs
from fraudstream_platform.drain.heads import Heads
from fraudstream_platform.drain.planning import Window, plan
from fraudstream_platform.housekeeping.dagster_storage import forget_runs, forget_ticks
from fraudstream_platform.housekeeping.runs import NEWEST_KEPT
from fraudstream_platform.settings import Settings

pytestmark = pytest.mark.unit

MINUTE_MS = 60_000
START_MS = 1_800_000_000_000 // 3_600_000 * 3_600_000
WINDOWS_A_DAY = 1440
HALF_A_DAY = WINDOWS_A_DAY // 2
SETTINGS = Settings(_env_file=None, drain_window_seconds=60)


@dg.asset(check_specs=[dg.AssetCheckSpec("counted", asset="rows")])
def rows() -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    yield dg.MaterializeResult(metadata={"rows": 1})
    yield dg.AssetCheckResult(passed=True)


@dataclass
class Storage:
    """Dagster's storage on the disk, and what is in it."""

    instance: dg.DagsterInstance
    folder: Path

    def __post_init__(self) -> None:
        runs, events = self.instance.run_storage, self.instance.event_log_storage
        assert isinstance(runs, SqlRunStorage)
        assert isinstance(events, SqliteEventLogStorage)
        self.runs, self.events = runs, events
        job = dg.define_asset_job(JOB_NAME, selection=dg.AssetSelection.assets(rows))
        self.job = dg.Definitions(assets=[rows], jobs=[job]).resolve_job_def(JOB_NAME)

    def add(self, first: int, count: int) -> None:
        """Records of the windows `first`..`first + count` (numbers of minutes), all succeeded."""
        records, tags = [], []
        for number in range(first, first + count):
            start = START_MS + number * MINUTE_MS
            request = run_request(Window(start, start + MINUTE_MS, 1))
            own = {**request.tags, "dagster/partition": str(request.partition_key)}
            run_id = f"00000000-0000-4000-8000-{number:012d}"
            status = dg.DagsterRunStatus.SUCCESS
            run = dg.DagsterRun(job_name=JOB_NAME, run_id=run_id, tags=own, status=status)
            record = {
                "run_id": run_id, "pipeline_name": JOB_NAME, "status": status.value,
                "run_body": serialize_value(run), "partition": request.partition_key,
                "create_timestamp": moment(start), "update_timestamp": moment(start + MINUTE_MS),
                "end_time": (start + MINUTE_MS) / 1000,
            }  # fmt: skip
            records.append(record)
            tags += [{"run_id": run_id, "key": key, "value": own[key]} for key in own]
        with self.runs.connect() as connection:
            connection.execute(RunsTable.insert(), records)
            connection.execute(RunTagsTable.insert(), tags)

    def add_real(self, number: int) -> None:
        """A run with all that hangs on it, as if it had begun in that minute."""
        done = self.job.execute_in_process(instance=self.instance)
        assert done.success
        then = moment(START_MS + number * MINUTE_MS)
        with self.runs.connect() as connection:
            place = RunsTable.c.run_id == done.run_id
            connection.execute(RunsTable.update().where(place).values(create_timestamp=then))

    def counts(self) -> dict[str, int]:
        """Rows and files of everything that a run leaves behind."""
        shards = (self.folder / "history" / "runs").glob("*.db")
        outputs = (self.folder / "storage").glob("*/compute_logs")
        with self.events.index_connection() as index, self.runs.connect() as runs:
            return {
                "runs": count(runs, "runs"),
                "tags": count(runs, "run_tags"),
                "events": count(index, "event_logs"),
                "checks": count(index, "asset_check_executions"),
                "shards": sum(path.name != "index.db" for path in shards),
                "outputs": len(list(outputs)),
            }


def count(connection: Any, table: str) -> int:
    return int(connection.exec_driver_sql(f"select count(*) from {table}").scalar())


def moment(epoch_ms: int) -> datetime:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).replace(tzinfo=None)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with dg.DagsterInstance.local_temp(
        str(tmp_path), {"telemetry": {"enabled": False}}
    ) as instance:
        yield Storage(instance, tmp_path)


def planning_seconds(instance: dg.DagsterInstance, minute: int) -> float:
    """What the drain's sensor does with Dagster's storage in a tick; the median of five."""
    taken = []
    for _ in range(5):
        begun = time.process_time()
        runs = drain_runs(instance, SETTINGS, Heads(0, {}))
        decision = plan(START_MS + minute * MINUTE_MS, policy_of(SETTINGS), runs, lag=1)
        taken.append(time.process_time() - begun)
        assert len(runs) == 20
        assert decision.request is not None
    return statistics.median(taken)


def test_a_week_of_minutes_stays_bounded(storage: Storage) -> None:
    """Guards against storage and a sensor that grow by 1,440 runs a day until a disk is full."""
    by_day, seconds = [], []
    for day in range(7):
        for half in range(2):
            minute = day * WINDOWS_A_DAY + half * HALF_A_DAY
            storage.add(minute, HALF_A_DAY)
            if half == 0 and day in (0, 1, 5):
                storage.add_real(minute)
            now_s = (START_MS + (minute + HALF_A_DAY) * MINUTE_MS) / 1000
            forget_runs(storage.instance, SETTINGS, now_s)
        by_day.append(storage.counts())
        seconds.append(planning_seconds(storage.instance, (day + 1) * WINDOWS_A_DAY))
    settled, last = by_day[1], by_day[6]
    assert [found["outputs"] for found in by_day] == [1, 2, 1, 0, 0, 1, 1]
    assert last["runs"] <= 2 * WINDOWS_A_DAY + 5 * 24 + 1
    assert last["runs"] - settled["runs"] <= 5 * 24
    assert last["tags"] <= 1.05 * settled["tags"]
    for name in ("events", "checks", "shards"):
        assert last[name] == by_day[0][name] > 0, name
    assert seconds[6] <= 3 * seconds[0] + 0.05


def test_runs_of_a_job_that_rests_keep_their_events(storage: Storage) -> None:
    """Guards against the newest run of a job without its record of what it made."""
    storage.add_real(0)
    before = storage.counts()
    forget_runs(storage.instance, SETTINGS, START_MS / 1000 + 1e7)
    assert storage.counts() == before
    assert before["runs"] < NEWEST_KEPT
    assert before["checks"] == 1


def test_old_ticks_go(storage: Storage) -> None:
    """Guards against 17,000 ticks a day."""
    location = GrpcServerCodeLocationOrigin(host="localhost", port=1, location_name="here")
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "repository"), "sensor")
    state = InstigatorState(
        origin, InstigatorType.SENSOR, InstigatorStatus.RUNNING, SensorInstigatorData()
    )
    storage.instance.add_instigator_state(state)
    for hour in range(30):
        tick = TickData(
            state.instigator_origin_id, "sensor", InstigatorType.SENSOR, TickStatus.SKIPPED,
            START_MS / 1000 + hour * 3600, selector_id=state.selector_id,
        )  # fmt: skip
        storage.instance.create_tick(tick)
    now_s = START_MS / 1000 + 30 * 3600
    assert forget_ticks(storage.instance, SETTINGS, now_s) == 6
    kept = storage.instance.get_ticks(state.instigator_origin_id, state.selector_id)
    assert len(kept) == 24
