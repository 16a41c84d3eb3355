"""The leak test: what must not give an attack away, does not.

A simulator that writes attacks otherwise than ordinary life (an id of another length, amounts that
end in another digit, a field that thieves never fill in) makes any detector look good. Two models
look for such marks, trained and tried on different seeds:

- *identifiers and formatting*: each attack's first fraudulent transaction against ordinary ones of
  the same kind of message, by how they are written (`formats.py`);
- *history*: what was known of the victim before the attack against accounts drawn by lot, without the
  age of changes: a change of contact is how a takeover begins, hours before its first transaction.

Both must find nothing: an area under the ROC curve of 0.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.evaluate.boosted import scores_of_others
from fraudstream_platform.evaluate.figures import Figures
from fraudstream_platform.evaluate.metrics.intervals import auc_interval
from fraudstream_platform.evaluate.sampling import FEATURE_NAMES, Matrix

TOLERANCE = 0.02
_TREES = 60
_OWN_ACCOUNTS = frozenset({"bust_out", "merchant_collusion", "synthetic_identity"})
"""Their accounts are the criminals' own: a history that differs is the fraud itself."""
_BEGUN = np.array([name.startswith("event_since_") for name in FEATURE_NAMES])
"""Columns that tell an attack which has begun."""
_LEAST = 30
"""Attacks that each half of the seeds needs."""


class Trial(NamedTuple):
    """Rows to tell apart. Only rows of one stratum are compared with each other.

    A stratum is of one world: another world's rows are told by its time and size, and the two halves'
    scores are two models', which do not compare.
    """

    inputs: Matrix
    is_attack: NDArray[np.bool_]
    stratum: NDArray[np.int64]
    seed: NDArray[np.int64]


def leak_test(worlds: Sequence[Figures]) -> list[dict[str, Any]]:
    """Both models' areas with their 95 % intervals, and whether they stay within the tolerance."""
    return [
        _result("identifiers and formatting", _written(worlds)),
        _result("history before the attack", _history(worlds)),
    ]


def _result(name: str, trial: Trial) -> dict[str, Any]:
    odd = trial.seed % 2 == 1
    halves = [int((trial.is_attack & half).sum()) for half in (odd, ~odd)]
    if min(halves) < _LEAST:
        why = f"{halves} attacks in odd and even seeds; {_LEAST} are needed in each: add seeds"
        return {"model": name, "auc": None, "passed": None, "not_measured": why}
    score, weight = np.zeros(odd.shape[0]), _balanced(trial.is_attack, trial.stratum)
    for train, tried in ((odd, ~odd), (~odd, odd)):
        score[tried] = scores_of_others(trial.inputs, trial.is_attack, weight, train, tried, _TREES)
    auc, pairs = stratified_auc(score, trial.is_attack, trial.stratum)
    attacks = int(trial.is_attack.sum())
    low, high = auc_interval(auc, attacks, int((~trial.is_attack).sum()))
    return {
        "model": name, "auc": auc, "low": low, "high": high, "attacks": attacks, "pairs": pairs,
        "tolerance": TOLERANCE, "passed": abs(auc - 0.5) <= TOLERANCE,
        "surely_leaks": low > 0.5 + TOLERANCE or high < 0.5 - TOLERANCE,
    }  # fmt: skip


def stratified_auc(
    score: NDArray[np.float64], is_attack: NDArray[np.bool_], stratum: NDArray[np.int64]
) -> tuple[float, int]:
    """Share of pairs (attack, other) of one stratum in which the attack scores higher, ties half."""
    from scipy.stats import rankdata

    wins, pairs = 0.0, 0
    for one in np.unique(stratum[is_attack]):
        inside = stratum == one
        hits, attacks = is_attack[inside], int(is_attack[inside].sum())
        others = hits.shape[0] - attacks
        ranks = rankdata(score[inside])
        wins += float(ranks[hits].sum()) - attacks * (attacks + 1) / 2
        pairs += attacks * others
    return (wins / pairs if pairs else 0.5), pairs


def _balanced(is_attack: NDArray[np.bool_], stratum: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weights that give attacks and others the same mix of strata, so that none is learnt."""
    weight = np.zeros(is_attack.shape[0])
    for one in np.unique(stratum[is_attack]):
        attacks = (stratum == one) & is_attack
        others = (stratum == one) & ~is_attack
        weight[attacks] = 1.0
        weight[others] = attacks.sum() / max(1, others.sum())
    return weight


def _written(worlds: Sequence[Figures]) -> Trial:
    """First fraudulent rows, and rows drawn by lot among those that belong to no attack."""
    parts: list[tuple[Any, ...]] = []
    for place, world in enumerate(worlds):
        sample = world.sample
        if sample is None:
            continue
        firsts = np.array([rows[0] for rows in world.attack_rows], np.int64)
        first = np.isin(sample.row, firsts)
        ordinary = sample.drawn & (sample.row >= world.first_row)
        for keep, is_attack in ((first, True), (ordinary, False)):
            count = int(keep.sum())
            parts.append(
                (
                    sample.formats[keep], np.full(count, is_attack),
                    sample.stratum[keep] * len(worlds) + place, np.full(count, world.seed),
                )
            )  # fmt: skip
    return Trial(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _history(worlds: Sequence[Figures]) -> Trial:
    """Victims with a history, and accounts drawn by lot."""
    parts: list[tuple[Matrix, bool, int, int]] = []
    for place, world in enumerate(worlds):
        if world.sample is None:
            continue
        victims = [
            world.sample.victims[int(rows[0])]
            for course, rows in zip(world.courses, world.attack_rows, strict=True)
            if course.pattern not in _OWN_ACCOUNTS and int(rows[0]) in world.sample.victims
        ]
        width = world.sample.controls.shape[1]
        parts.append((np.array(victims, np.float32).reshape(-1, width), True, place, world.seed))
        later = world.sample.control_row >= world.first_row
        parts.append((world.sample.controls[later], False, place, world.seed))
    count = [len(rows) for rows, _, _, _ in parts]
    return Trial(
        np.delete(np.concatenate([rows for rows, _, _, _ in parts]), _BEGUN, axis=1),
        np.repeat([is_attack for _, is_attack, _, _ in parts], count),
        np.repeat([place for _, _, place, _ in parts], count),
        np.repeat([seed for _, _, _, seed in parts], count),
    )
