"""Which Dagster runs are forgotten: one pure decision, of what is known of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

NEWEST_KEPT = 100
"""Runs of each job that stay however old they are: the drain's sensor plans by its newest 20, and a
job that runs seldom keeps its history."""
_HOUR_S = 3_600.0


@dataclass(frozen=True)
class RunAge:
    """What retention knows of a run; `created_s` is epoch seconds."""

    run_id: str
    job: str
    created_s: float
    is_finished: bool
    has_succeeded: bool
    hour: str | None
    """The hour partition that it materialised; None for a run of no partition."""


@dataclass(frozen=True)
class Keeping:
    """How long runs stay."""

    runs_hours: int
    hours_days: int


def forgettable(runs: Sequence[RunAge], keeping: Keeping, now_s: float) -> list[str]:
    """Ids of runs to delete, the oldest first; `runs` are all runs in any order.

    What is in progress stays, the newest of each job stay, and of each hour the newest success.
    """
    newest_first = sorted(runs, key=lambda run: (run.created_s, run.run_id), reverse=True)
    whole_after = now_s - keeping.runs_hours * _HOUR_S
    shown_after = now_s - keeping.hours_days * 24 * _HOUR_S
    seen: Counter[str] = Counter()
    shown: set[tuple[str, str]] = set()
    forgotten: list[str] = []
    for run in newest_first:
        seen[run.job] += 1
        speaks_for_hour = (
            run.hour is not None and run.has_succeeded and (run.job, run.hour) not in shown
        )
        if speaks_for_hour:
            shown.add((run.job, run.hour or ""))
        is_kept = (
            not run.is_finished
            or run.created_s >= whole_after
            or seen[run.job] <= NEWEST_KEPT
            or (speaks_for_hour and run.created_s >= shown_after)
        )
        if not is_kept:
            forgotten.append(run.run_id)
    return forgotten[::-1]
