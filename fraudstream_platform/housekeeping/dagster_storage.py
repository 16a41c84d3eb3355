"""Deleting runs and ticks from Dagster's storage, with all that hangs on them.

`DagsterInstance.delete_run` takes the run and its events, and leaves four things that grow without
bound: the run's tags where SQLite does not cascade, evaluations of asset checks, its captured output,
and on SQLite the run's own database file, emptied.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from dagster import DagsterInstance, RunsFilter
from dagster._core.storage.event_log import SqlEventLogStorage, SqliteEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.runs import SqlRunStorage
from dagster._core.storage.runs.schema import RunTagsTable

from fraudstream_platform.housekeeping.runs import Keeping, RunAge, forgettable
from fraudstream_platform.settings import Settings

_PAGE = 500
_PARTITION_TAG = "dagster/partition"
"""Tag of a run of one partition."""


@dataclass(frozen=True)
class RunsForgotten:
    """What a pass over the runs did; bytes are those of SQLite's per-run files."""

    looked_at: int
    deleted: int
    bytes_removed: int


def forget_runs(
    instance: DagsterInstance, settings: Settings, now_s: float | None = None
) -> RunsForgotten:
    """Delete finished runs past their time (`now_s`: epoch seconds, by default the clock's)."""
    now_s = time.time() if now_s is None else now_s
    keeping = Keeping(settings.dagster_runs_kept_hours, settings.dagster_hours_kept_days)
    runs = list(_ages(instance))
    ids = forgettable(runs, keeping, now_s)
    size = 0
    for run_id in ids:
        instance.delete_run(run_id)
        size += _remove_output(instance, run_id)
    for start in range(0, len(ids), _PAGE):
        _delete_leftovers(instance, ids[start : start + _PAGE])
    return RunsForgotten(len(runs), len(ids), size)


def forget_ticks(instance: DagsterInstance, settings: Settings, now_s: float | None = None) -> int:
    """Delete ticks older than DAGSTER_TICKS_KEPT_HOURS; how many there were."""
    now_s = time.time() if now_s is None else now_s
    before_s = now_s - settings.dagster_ticks_kept_hours * 3600
    deleted = 0
    for state in instance.all_instigator_state():
        place = (state.instigator_origin_id, state.selector_id)
        deleted += len(instance.get_ticks(*place, before=before_s))
        instance.purge_ticks(*place, before=before_s)
    return deleted


def _ages(instance: DagsterInstance) -> Iterator[RunAge]:
    cursor: str | None = None
    while records := instance.get_run_records(RunsFilter(), limit=_PAGE, cursor=cursor):
        for record in records:
            run = record.dagster_run
            yield RunAge(
                run.run_id,
                run.job_name,
                record.create_timestamp.replace(tzinfo=UTC).timestamp(),
                run.is_finished,
                run.is_success,
                run.tags.get(_PARTITION_TAG),
            )
        cursor = records[-1].dagster_run.run_id


def _remove_output(instance: DagsterInstance, run_id: str) -> int:
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    storage = instance.event_log_storage
    if not isinstance(storage, SqliteEventLogStorage):
        return 0
    shard = Path(storage.path_for_shard(run_id))
    size = 0
    for path in (shard, *(shard.with_name(f"{shard.name}{end}") for end in ("-wal", "-shm"))):
        with suppress(FileNotFoundError):
            found = path.stat().st_size
            path.unlink()
            size += found
    return size


def _delete_leftovers(instance: DagsterInstance, run_ids: Sequence[str]) -> None:
    events, runs = instance.event_log_storage, instance.run_storage
    if isinstance(events, SqlEventLogStorage):
        with events.index_connection() as connection:
            checks = AssetCheckExecutionsTable
            connection.execute(checks.delete().where(checks.c.run_id.in_(run_ids)))
    if isinstance(runs, SqlRunStorage):
        with runs.connect() as connection:
            connection.execute(RunTagsTable.delete().where(RunTagsTable.c.run_id.in_(run_ids)))
