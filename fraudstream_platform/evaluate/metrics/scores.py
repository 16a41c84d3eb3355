"""From scores to precision: bands, the precision-recall curve and its area."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.evaluate.metrics.intervals import wilson

Floats = NDArray[np.float64]
TOP_SCORE = 1000


class Curve(NamedTuple):
    """Precision and recall at each threshold, thresholds falling, so recall rises."""

    threshold: Floats
    precision: Floats
    recall: Floats
    flagged: Floats
    """Transactions at or above the threshold."""


def pr_curve(score: Floats, fraud: Floats, genuine: Floats) -> Curve:
    """The curve of scores with their weights of fraudulent and genuine transactions."""
    order = np.argsort(-score, kind="stable")
    hits, misses = np.cumsum(fraud[order]), np.cumsum(genuine[order])
    ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    hits, misses = hits[ends], misses[ends]
    flagged = hits + misses
    kept = flagged > 0
    total = max(float(fraud.sum()), np.finfo(float).tiny)
    return Curve(
        score[order][ends][kept], hits[kept] / flagged[kept], hits[kept] / total, flagged[kept]
    )


def average_precision(curve: Curve) -> float:
    """Area under the curve as a sum of steps, which does not flatter as trapezoids do."""
    return float(np.sum(np.diff(curve.recall, prepend=0.0) * curve.precision))


def threshold_for(score: Floats, weight: Floats, budget: float) -> float:
    """The lowest threshold at which the flagged weight stays within `budget`; inf if none does."""
    curve = pr_curve(score, np.zeros_like(weight), weight)
    within = curve.flagged <= budget
    return float(curve.threshold[within][-1]) if within.any() else float("inf")


def score_table(
    fraud: NDArray[np.int64], genuine: NDArray[np.int64], bands: tuple[int, ...]
) -> list[dict[str, Any]]:
    """Precision of each band of scores and from its foot on; the inputs count by score 0-1000.

    `bands` are the feet, rising; a band ends below the next one's foot.
    """
    table = []
    for foot, top in zip(bands, (*bands[1:], TOP_SCORE + 1), strict=True):
        inside = wilson(int(fraud[foot:top].sum()), int((fraud + genuine)[foot:top].sum()))
        above = wilson(int(fraud[foot:].sum()), int((fraud + genuine)[foot:].sum()))
        table.append(
            {
                "from": foot,
                "to": top - 1,
                "transactions": inside.n,
                "precision": inside.as_json(),
                "precision_from_here_up": above.as_json(),
            }
        )
    return table


def is_monotone(table: list[dict[str, Any]]) -> bool:
    """Whether no band is surely less precise than the band below it: their intervals overlap."""
    known = [band["precision"] for band in table if band["transactions"]]
    return all(after["high"] >= before["low"] for before, after in pairwise(known))
