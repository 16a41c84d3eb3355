"""Simpler and heavier detectors beside the rules, each flagging as many transactions as they do.

Every method gives transactions a score; its threshold is the lowest that flags no more than the
rules do. So what differs is which transactions, not how many. The boosted model is trained on other
seeds than it is tried on (odd ones against even ones), with the catalogue's features and the amount.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.detection.rules import RULES
from fraudstream_platform.evaluate.boosted import scores_of_others
from fraudstream_platform.evaluate.figures import Figures
from fraudstream_platform.evaluate.metrics.intervals import wilson
from fraudstream_platform.evaluate.metrics.scores import (
    Curve,
    Floats,
    average_precision,
    pr_curve,
    threshold_for,
)
from fraudstream_platform.evaluate.sampling import FEATURE_NAMES, Matrix

RULE_SET = "rules"
_TREES = 200
_VELOCITY = (("card_n_1h", 1.0), ("card_n_10m", 0.01), ("card_n_24h", 0.0001))
"""Counts by weight: attempts of an hour, ties broken by shorter and longer windows."""


class Pool:
    """The samples of several worlds as one: rows counted from the end of warming up."""

    def __init__(self, worlds: Sequence[Figures]) -> None:
        parts: list[tuple[Any, ...]] = []
        self.attack_rows: list[NDArray[np.int64]] = []
        self.strengths: list[str] = []
        start = 0
        for world in worlds:
            sample = world.sample
            if sample is None:
                continue
            keep = sample.row >= world.first_row
            place = np.full(int(sample.row.max(initial=0)) + 1, -1, np.int64)
            place[sample.row[keep]] = np.arange(int(keep.sum())) + start
            fraud = np.zeros(int(keep.sum()))
            for course, rows in zip(world.courses, world.attack_rows, strict=True):
                self.attack_rows.append(place[rows])
                self.strengths.append(course.strength)
                fraud[place[rows] - start] = 1.0
            parts.append(
                (
                    sample.features[keep], sample.score[keep].astype(float), sample.cents[keep],
                    sample.weight[keep], fraud, np.full(fraud.shape[0], world.seed),
                )
            )  # fmt: skip
            start += fraud.shape[0]
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        self.features: Matrix = columns[0]
        self.score, self.cents, self.weight, self.fraud, self.seed = columns[1:]

    def curve(self, score: Floats) -> Curve:
        """Precision and recall of a score over transactions."""
        return pr_curve(score, self.fraud * self.weight, (1 - self.fraud) * self.weight)


def baselines(pool: Pool) -> tuple[list[dict[str, Any]], dict[str, Curve]]:
    """The table, the rules first, and each method's curve."""
    methods: dict[str, Floats | None] = {
        RULE_SET: pool.score,
        "amount only": pool.cents,
        "velocity only": _velocity(pool),
        "gradient boosting": _boosted(pool),
    }
    budget = float(pool.weight[pool.score >= RULES.review_score].sum())
    table, curves = [], {}
    for name, score in methods.items():
        if score is None:
            table.append({"method": name, "not_measured": "it needs two seeds of both parities"})
            continue
        curves[name] = pool.curve(score)
        limit = (
            RULES.review_score if name == RULE_SET else threshold_for(score, pool.weight, budget)
        )
        table.append(_line(name, pool, score >= limit, average_precision(curves[name])))
    return table, curves


def _line(name: str, pool: Pool, flagged: NDArray[np.bool_], area: float) -> dict[str, Any]:
    """What a method found with its flags."""
    caught = [bool(flagged[rows].any()) for rows in pool.attack_rows]
    weight = pool.weight[flagged]
    right = float((weight * pool.fraud[flagged]).sum())
    line: dict[str, Any] = {
        "method": name,
        "average_precision": area,
        "flagged_share": float(weight.sum() / pool.weight.sum()),
        "transaction_precision": right / float(weight.sum()) if weight.size else None,
    }
    for strength in sorted(set(pool.strengths)):
        own = [hit for hit, of in zip(caught, pool.strengths, strict=True) if of == strength]
        line[f"attacks_found_{strength}"] = wilson(sum(own), len(own)).as_json()
    return line


def _velocity(pool: Pool) -> Floats:
    total = np.zeros(pool.fraud.shape[0])
    for name, weight in _VELOCITY:
        total += weight * np.nan_to_num(pool.features[:, FEATURE_NAMES.index(name)])
    return total


def _boosted(pool: Pool) -> Floats | None:
    """Scores by a model of the other half of the seeds; None where there is no other half."""
    odd = pool.seed % 2 == 1
    if not (pool.fraud[odd].any() and pool.fraud[~odd].any()):
        return None
    inputs = np.column_stack([pool.features, pool.cents])
    score = np.zeros(pool.fraud.shape[0])
    for train, tried in ((odd, ~odd), (~odd, odd)):
        score[tried] = scores_of_others(inputs, pool.fraud > 0, pool.weight, train, tried, _TREES)
    return score
