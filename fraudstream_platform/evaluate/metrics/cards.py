"""Card precision: of the cards that a day's work can look at, how many are compromised."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

K = 100


class DayPrecision(NamedTuple):
    """One day; precisions in [0, 1]. `at_fraud` is None on a day without fraud."""

    at_k: float
    ceiling: float
    """The best that any ranking could reach at k: frauds may be fewer than k."""
    at_fraud: float | None
    """At k = the day's number of compromised cards; its ceiling is 1."""


def card_precision(
    day: NDArray[np.int64],
    card: NDArray[np.integer],
    score: NDArray[np.integer],
    fraud: NDArray[np.bool_],
    k: int = K,
) -> list[DayPrecision]:
    """Cards ranked by their highest score of the day; a card is compromised on a day of fraud.

    (Fraud Detection Handbook, card precision top-k; here without removing cards that were found
    on earlier days.) Cards below 0 are left out.
    """
    known = card >= 0
    days, card, score, fraud = day[known], card[known], score[known], fraud[known]
    keys, place = np.unique(days * (1 << 32) + card.astype(np.int64), return_inverse=True)
    best = np.full(keys.shape[0], -1, np.int64)
    np.maximum.at(best, place, score)
    bad = np.zeros(keys.shape[0], np.bool_)
    np.logical_or.at(bad, place, fraud)
    found = []
    key_day = keys >> 32
    for one in np.unique(key_day):
        ranked = key_day == one
        count = int(bad[ranked].sum())
        found.append(
            DayPrecision(
                at_k=hits_among(best[ranked], bad[ranked], k) / k,
                ceiling=min(k, count) / k,
                at_fraud=hits_among(best[ranked], bad[ranked], count) / count if count else None,
            )
        )
    return found


def hits_among(score: NDArray[np.integer], bad: NDArray[np.bool_], k: int) -> float:
    """Expected bad ones among the k highest scores, where ties at the cut are drawn by lot."""
    if k >= score.shape[0]:
        return float(bad.sum())
    cut = np.partition(score, -k)[-k]
    above, tied = score > cut, score == cut
    left = k - int(above.sum())
    return float(bad[above].sum() + left * bad[tied].sum() / tied.sum())
