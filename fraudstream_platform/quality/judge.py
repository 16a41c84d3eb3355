"""Whether a source is well in a window, and whether that is news: pure decisions.

A window is judged from `JUDGED_FROM` records on. It is unhealthy where a share is below the alert
threshold, where one has fallen significantly below its own past, or where a field is distributed
otherwise than before. The first unhealthy window degrades the source, and is told; further ones are
not. `RECOVERED_AFTER` healthy windows in a row end it, which is told too.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.quality.measures import Measured

JUDGED_FROM = 50
RECOVERED_AFTER = 2
PAST_WINDOWS = 30
"""Judged windows that make the trend and the baseline; unhealthy ones too, so that what stays as it
has become is the new normal in time. The threshold stays where it is."""
_TREND_FROM = 5
_SIGMAS = 4.0
_LEAST_FALL = 0.02
"""Smaller falls are no news, however significant among a million records."""
_DRIFT_FROM = 500
_DRIFT_AT_LEAST = 0.1
"""Jensen-Shannon divergence (base 2): 0 is the same, 1 has nothing in common. Chance alone brings
a field of 40 values to about 0.014 at 500 records."""

_AGAINST_THRESHOLD = ("completeness", "validity", "uniqueness", "timeliness")
SHARES = (*_AGAINST_THRESHOLD, "quality_score")
"""What is measured of a source as a share, and watched for falls."""

Distributions = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Past:
    """What an earlier window of the source said, and what was made of it."""

    is_healthy: bool | None
    is_degraded: bool
    shares: Mapping[str, float | None] = field(default_factory=dict)
    distributions: Distributions = field(default_factory=dict)


@dataclass(frozen=True)
class Judgement:
    """What a window means for its source."""

    reasons: tuple[str, ...]
    """Why it is unhealthy, in words with numbers."""
    is_healthy: bool | None
    """None where it has too few records to say."""
    is_degraded: bool
    notice: str | None
    """degraded or recovered, where that is news."""
    drift: float | None
    drift_field: str | None


def judge(now: Measured, past: Sequence[Past], threshold: float) -> Judgement:
    """Judge a window by the windows before it (oldest first); `threshold` is that of alerts."""
    was_degraded = past[-1].is_degraded if past else False
    trend = [one for one in past if one.is_healthy is not None][-PAST_WINDOWS:]
    drift, drifted = _drift(now, trend)
    if now.records < JUDGED_FROM:
        return Judgement((), None, was_degraded, None, drift, drifted)
    reasons = (*_low(now, threshold), *_fallen(now, trend, threshold), *_drifted(drift, drifted))
    is_healthy = not reasons
    judged = [one.is_healthy for one in past if one.is_healthy is not None]
    streak = [*judged[-RECOVERED_AFTER + 1 :], is_healthy]
    is_degraded = not is_healthy
    if was_degraded:
        is_degraded = not (len(streak) == RECOVERED_AFTER and all(streak))
    changed = is_degraded != was_degraded
    notice = ("degraded" if is_degraded else "recovered") if changed else None
    return Judgement(reasons, is_healthy, is_degraded, notice, drift, drifted)


def _low(now: Measured, threshold: float) -> list[str]:
    return [
        f"{name} is {value:.1%}, below {threshold:.0%}"
        for name in _AGAINST_THRESHOLD
        if (value := now.shares.get(name)) is not None and value < threshold
    ]


def _fallen(now: Measured, trend: Sequence[Past], threshold: float) -> list[str]:
    """Falls that the threshold does not tell of already."""
    reasons = []
    for name in SHARES:
        value = now.shares.get(name)
        before = [share for one in trend if (share := one.shares.get(name)) is not None]
        if value is None or len(before) < _TREND_FROM:
            continue
        mean = statistics.fmean(before)
        by_chance = math.sqrt(statistics.pvariance(before) + mean * (1 - mean) / now.records)
        is_told = name in _AGAINST_THRESHOLD and value < threshold
        if value < mean - max(_LEAST_FALL, _SIGMAS * by_chance) and not is_told:
            reasons.append(
                f"{name} fell to {value:.1%} from {mean:.1%}, the mean of {len(before)} windows"
            )
    return reasons


def _drift(now: Measured, trend: Sequence[Past]) -> tuple[float | None, str | None]:
    """The largest divergence of a field from the trend, and the field; None without enough of both."""
    largest: tuple[float | None, str | None] = (None, None)
    if len(trend) < _TREND_FROM:
        return largest
    for name, counts in now.distributions.items():
        usual: Counter[str] = Counter()
        for one in trend:
            usual.update(one.distributions.get(name, {}))
        if min(sum(counts.values()), usual.total()) < _DRIFT_FROM:
            continue
        found = divergence(counts, usual)
        if largest[0] is None or found > largest[0]:
            largest = (found, name)
    return largest


def _drifted(drift: float | None, name: str | None) -> list[str]:
    if drift is None or drift < _DRIFT_AT_LEAST:
        return []
    words = f"{name} is distributed otherwise than before: divergence {drift:.2f}"
    return [f"{words}, expected below {_DRIFT_AT_LEAST}"]


def divergence(one: Mapping[str, int], other: Mapping[str, int]) -> float:
    """Jensen-Shannon divergence of two counts by value, base 2: 0 to 1 (Lin 1991).

    In numpy: SciPy's takes half a second to import, in every process that loads the code location.
    """
    values = sorted(one.keys() | other.keys())
    counts = np.array([[side.get(value, 0) for value in values] for side in (one, other)], float)
    shares = counts / counts.sum(axis=1, keepdims=True)
    return max(0.0, _entropy(shares.mean(axis=0)) - float(np.mean([*map(_entropy, shares)])))


def _entropy(shares: NDArray[np.float64]) -> float:
    """Bits."""
    some = shares[shares > 0]
    return float(-(some * np.log2(some)).sum())
