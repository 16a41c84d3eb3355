"""Intervals of shares and of the area under a ROC curve."""

from __future__ import annotations

import math
from typing import NamedTuple

Z95 = 1.959964
"""Standard deviations of a two-sided 95 % interval."""


class Share(NamedTuple):
    """`hits` of `n` with its 95 % interval; all None where n is 0, since nothing was tried."""

    hits: int
    n: int
    share: float | None
    low: float | None
    high: float | None

    def as_json(self) -> dict[str, float | int | None]:
        """The figures by name."""
        return self._asdict()


def wilson(hits: int, n: int) -> Share:
    """Wilson's score interval (JASA 1927): holds near 0 and 1, where gates are."""
    if not 0 <= hits <= n:
        raise ValueError(f"{hits} hits of {n}")
    if n == 0:
        return Share(0, 0, None, None, None)
    share, z2 = hits / n, Z95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    # The bounds meet the share at 0 and 1, where rounding may put them beyond it.
    return Share(
        hits, n, share, max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))
    )


def auc_interval(auc: float, positives: int, negatives: int) -> tuple[float, float]:
    """95 % interval of an area under the ROC curve (Hanley and McNeil, Radiology 1982)."""
    q1, q2 = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    spread = auc * (1 - auc) + (positives - 1) * (q1 - auc**2) + (negatives - 1) * (q2 - auc**2)
    half = Z95 * math.sqrt(spread / (positives * negatives))
    return max(0.0, auc - half), min(1.0, auc + half)
