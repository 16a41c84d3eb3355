"""Cases: how many there are, and how many are about fraud."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

REAL_PREVALENCE = 0.0003
"""Share of fraudulent transactions to which precision is also reweighted (0.03 %)."""


@dataclass(frozen=True)
class CaseCounts:
    """Cases by what they are about; they can be added up over worlds."""

    right: int = 0
    """At least one transaction of the case, repeats included, is fraudulent."""
    near: int = 0
    """Not right, but on an attacked account while the attack went on or in the day after it."""
    wrong: int = 0

    def __add__(self, other: CaseCounts) -> CaseCounts:
        return CaseCounts(
            self.right + other.right, self.near + other.near, self.wrong + other.wrong
        )

    @property
    def cases(self) -> int:
        """All of them."""
        return self.right + self.near + self.wrong


def count_cases(
    case: NDArray[np.int64], fraud: NDArray[np.bool_], near: NDArray[np.bool_]
) -> CaseCounts:
    """Counts from alerts: the case of each, whether it has fraud in it, or the alert is near fraud."""
    cases, place = np.unique(case, return_inverse=True)
    right = np.zeros(cases.shape[0], np.bool_)
    close = right.copy()
    np.logical_or.at(right, place, fraud)
    np.logical_or.at(close, place, near)
    return CaseCounts(int(right.sum()), int((close & ~right).sum()), int((~close & ~right).sum()))


def reweighted_precision(
    right: int, wrong: int, prevalence: float, to: float = REAL_PREVALENCE
) -> float | None:
    """Precision if frauds were as rare as `to`, all else alike; None without cases or frauds.

    Right cases scale with the odds of fraud, wrong ones stay.
    """
    if right + wrong == 0 or not 0 < prevalence < 1:
        return None
    scaled = right * (to / (1 - to)) / (prevalence / (1 - prevalence))
    return scaled / (scaled + wrong)
