"""What sensors ask before they request a run: when rows came last, and how the last run went."""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg
from deltalake import DeltaTable

from fraudstream_platform.lake.compaction import NO_NEW_ROWS
from fraudstream_platform.lake.tables import open_table
from fraudstream_platform.scheduling import LastRun
from fraudstream_platform.settings import Settings

_REACHES = (1, 200, None)
"""Commits looked back at: the newest tells it but for the moments after housekeeping."""


def newest_rows_s(settings: Settings, tables: Iterable[str]) -> float | None:
    """When rows last came to one of the tables, epoch seconds; None before the first.

    Asked of the tables: their assets are materialised only when a window ends.
    """
    try:
        opened = [open_table(settings, table) for table in tables]
    except FileNotFoundError:  # nothing is set up yet
        return None
    return max((s for s in map(_newest_write_s, opened) if s is not None), default=None)


def _newest_write_s(table: DeltaTable) -> float | None:
    """The newest commit that brought rows: compactions, and changes of properties, bring none."""
    for reach in _REACHES:
        commits = table.history(reach)
        writes = [
            commit["timestamp"] / 1000
            for commit in commits
            if commit["operation"] == "WRITE" and not NO_NEW_ROWS.items() <= commit.items()
        ]
        if writes or reach is None or len(commits) < reach:
            return max(writes, default=None)
    return None


def last_run(instance: dg.DagsterInstance, job: str) -> LastRun | None:
    """The newest run of the job, whoever asked for it."""
    records = instance.get_run_records(dg.RunsFilter(job_name=job), limit=1)
    if not records:
        return None
    run = records[0].dagster_run
    return LastRun(
        started_s=records[0].create_timestamp.timestamp(),
        is_running=not run.is_finished,
        has_failed=run.status == dg.DagsterRunStatus.FAILURE,
    )
