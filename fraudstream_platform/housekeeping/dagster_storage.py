"""Deleting runs and ticks from Dagster's storage, with all that hangs on them.

`DagsterInstance.delete_run` takes a run's record and its events, one run at a time, and leaves what
grows without bound all the same: tags (SQLite does not cascade), evaluations of asset checks,
captured output, and on SQLite the run's own database file, emptied. So runs are deleted here, many
at a time, what hangs on a record before the record: a crash in between leaves a run that the next
pass deletes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.storage.event_log import SqlEventLogStorage, SqliteEventLogStorage
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetEventTagsTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.runs import SqlRunStorage
from dagster._core.storage.runs.schema import RunsTable, RunTagsTable

from fraudstream_platform.housekeeping.runs import Keeping, RunAge, forgettable
from fraudstream_platform.settings import Settings

_PAGE = 500
_SUCCEEDED = DagsterRunStatus.SUCCESS.value
_FINISHED = {_SUCCEEDED, DagsterRunStatus.FAILURE.value, DagsterRunStatus.CANCELED.value}


@dataclass(frozen=True)
class RunsForgotten:
    """What a pass over the runs did; bytes are those of SQLite's per-run files."""

    looked_at: int
    deleted: int
    bytes_removed: int


def forget_runs(
    instance: DagsterInstance, settings: Settings, now_s: float | None = None
) -> RunsForgotten:
    """Delete finished runs past their time (`now_s`: epoch seconds, by default the clock's).

    Raises TypeError where the instance keeps its runs in no SQL database.
    """
    now_s = time.time() if now_s is None else now_s
    keeping = Keeping(settings.dagster_runs_kept_hours, settings.dagster_hours_kept_days)
    runs = list(_ages(_run_storage(instance)))
    ids = forgettable(runs, keeping, now_s)
    size = 0
    for start in range(0, len(ids), _PAGE):
        page = ids[start : start + _PAGE]
        size += sum(_delete_output(instance, run_id) for run_id in page)
        _delete_events(instance, page)
        _delete_records(_run_storage(instance), page)
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


def _run_storage(instance: DagsterInstance) -> SqlRunStorage:
    storage = instance.run_storage
    if not isinstance(storage, SqlRunStorage):
        raise TypeError(f"runs are kept in {type(storage).__name__}, which is no SQL database")
    return storage


def _ages(storage: SqlRunStorage) -> Iterator[RunAge]:
    """All runs, from the columns alone: reading a run's body takes a hundred times as long."""
    table = RunsTable.c
    asked = RunsTable.select().with_only_columns(
        table.run_id, table.pipeline_name, table.create_timestamp, table.status, table.partition
    )
    for row in storage.fetchall(asked):
        yield RunAge(
            row["run_id"],
            row["pipeline_name"],
            row["create_timestamp"].replace(tzinfo=UTC).timestamp(),
            row["status"] in _FINISHED,
            row["status"] == _SUCCEEDED,
            row["partition"],
        )


def _delete_output(instance: DagsterInstance, run_id: str) -> int:
    """Captured output, and a run's own database where the storage is SQLite; bytes of the latter."""
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


def _delete_events(instance: DagsterInstance, run_ids: Sequence[str]) -> None:
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        raise TypeError(f"events are kept in {type(storage).__name__}, which is no SQL database")
    events, tags = SqlEventLogStorageTable, AssetEventTagsTable
    of_runs = events.c.run_id.in_(run_ids)
    # In bulk: `delete_events_for_run` takes a millisecond a run, whether it has events or not.
    with storage.index_connection() as connection:
        ids = events.select().with_only_columns(events.c.id).where(of_runs)
        connection.execute(tags.delete().where(tags.c.event_id.in_(ids)))
        connection.execute(events.delete().where(of_runs))
        checks = AssetCheckExecutionsTable
        connection.execute(checks.delete().where(checks.c.run_id.in_(run_ids)))


def _delete_records(storage: SqlRunStorage, run_ids: Sequence[str]) -> None:
    with storage.connect() as connection:
        for table in (RunTagsTable, RunsTable):
            connection.execute(table.delete().where(table.c.run_id.in_(run_ids)))
