"""Which Dagster runs are forgotten."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fraudstream_platform.housekeeping.runs import NEWEST_KEPT, Keeping, RunAge, forgettable

pytestmark = pytest.mark.unit
HOUR = 3600.0
NOW = 2_000 * HOUR
KEEPING = Keeping(runs_hours=48, hours_days=30)


def runs(count: int, age_hours: float, **changes: object) -> list[RunAge]:
    """`count` runs a minute apart, the newest `age_hours` old; each of an hour of its own."""
    made = []
    for number in range(count):
        created = NOW - age_hours * HOUR - 60 * number
        run = RunAge(f"{age_hours}-{number}", "drain", created, True, True, None)
        made.append(replace(run, **changes))  # type: ignore[arg-type]
    return made


def test_old_runs_go_and_young_ones_stay() -> None:
    """Guards against storage that grows with every window."""
    young, old = runs(150, 1), runs(150, 49)
    assert forgettable([*old, *young], KEEPING, NOW) == [run.run_id for run in reversed(old)]


def test_the_newest_of_a_job_stay_however_old() -> None:
    """Guards against a drain that forgets after a long rest that a person had put it on hold."""
    old = runs(NEWEST_KEPT + 1, 1000)
    assert forgettable(old, KEEPING, NOW) == [old[-1].run_id]
    seldom = runs(3, 1000, job="rebuild")
    assert forgettable([*seldom, *runs(200, 1)], KEEPING, NOW) == []


def test_a_run_in_progress_stays() -> None:
    """Guards against a live run whose record is gone."""
    old = runs(5, 100, is_finished=False, has_succeeded=False)
    assert forgettable([*old, *runs(150, 1)], KEEPING, NOW) == []


def test_an_hour_keeps_the_newest_run_that_made_it() -> None:
    """Guards against hours that the UI shows as missing, and that a backfill then makes again."""
    old = runs(60, 100, hour="2026-01-01T00")
    failed = runs(1, 99, hour="2026-01-01T00", has_succeeded=False)
    gone = forgettable([*old, *failed, *runs(150, 1)], KEEPING, NOW)
    assert old[0].run_id not in gone
    assert len(gone) == 60


def test_hours_are_shown_for_their_time_only() -> None:
    """Guards against a run an hour, kept for ever."""
    old = runs(60, 24 * 31, hour="2026-01-01T00")
    assert len(forgettable([*old, *runs(150, 1)], KEEPING, NOW)) == 60
