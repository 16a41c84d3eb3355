"""Recall by attack: one attack is one trial, however many transactions it has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from fraudstream_platform.evaluate.metrics.course import Course
from fraudstream_platform.evaluate.metrics.deadlines import DEADLINES, is_met
from fraudstream_platform.evaluate.metrics.intervals import Share, wilson


@dataclass(frozen=True)
class Cell:
    """Attacks of one pattern in one strength."""

    pattern: str
    strength: str
    in_time: Share
    """Caught by the deadline, of all."""
    ever: Share
    """Alerted at any time, of all."""
    attributed: Share
    """The first alert names the attack's own pattern, of those alerted."""
    delays: dict[str, list[float]]
    """Transactions, seconds and euro cents until the first alert, of those alerted."""
    cents: float
    cents_after_alert: float


def cells(courses: Iterable[Course]) -> list[Cell]:
    """One cell for each pattern and strength that occurs, in the order of the names."""
    groups: dict[tuple[str, str], list[Course]] = {}
    for course in courses:
        groups.setdefault((course.pattern, course.strength), []).append(course)
    return [_cell(*key, groups[key]) for key in sorted(groups)]


def _cell(pattern: str, strength: str, courses: Sequence[Course]) -> Cell:
    alerted = [course for course in courses if course.seen]
    deadline = DEADLINES[pattern]
    return Cell(
        pattern=pattern,
        strength=strength,
        in_time=wilson(sum(is_met(course, deadline) for course in courses), len(courses)),
        ever=wilson(len(alerted), len(courses)),
        attributed=wilson(sum(_is_named(course) for course in alerted), len(alerted)),
        delays={
            "transactions": [float(course.seen) for course in alerted],
            "seconds": [course.seconds_until_alert for course in alerted],
            "cents": [course.cents_until_alert for course in alerted],
        },
        cents=sum(course.total_cents for course in courses),
        cents_after_alert=sum(course.cents_after_alert for course in courses),
    )


def _is_named(course: Course) -> bool:
    own = {course.pattern, *DEADLINES[course.pattern].also_named}
    return not own.isdisjoint(course.named)


def macro(found: Iterable[Cell], strength: str) -> float | None:
    """Mean recall over the patterns of a strength: testing volume must not swamp the rest."""
    shares = [
        cell.in_time.share
        for cell in found
        if cell.strength == strength and cell.in_time.share is not None
    ]
    return float(np.mean(shares)) if shares else None


def median_and_p90(values: Sequence[float]) -> dict[str, float | None]:
    """Median and 90th percentile; None of nothing."""
    if not values:
        return {"median": None, "p90": None}
    median, p90 = np.percentile(values, [50, 90])
    return {"median": float(median), "p90": float(p90)}
