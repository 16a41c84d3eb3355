"""Formulas of the kernels, on plain numbers. Transcendentals go through scalar libm."""

from __future__ import annotations

import math

from fraudstream_platform.compiled import compiled

DAY_MS = 86_400_000
RATE_TAU_MS = 30.0 * DAY_MS
PRIOR_DAYS = 2.0
PRIOR_PER_DAY = 1.5
TAIL_SHAPE = 0.5
TAIL_CEILING = 15.0
"""-log10 beyond which the sum of probabilities has no digits left."""
EARTH_KM = 6371.0088


@compiled
def decayed(rate: float, elapsed_ms: int) -> float:
    """The exponentially weighted number of events after `elapsed_ms` (>= 0)."""
    return rate * math.exp(-max(0, elapsed_ms) / RATE_TAU_MS)


@compiled
def expected_per_hour(weighted: float, age_ms: int) -> float:
    """Rate of events an hour from their weighted number and the entity's age in ms."""
    seen_days = RATE_TAU_MS / DAY_MS * (1.0 - math.exp(-max(0, age_ms) / RATE_TAU_MS))
    per_day = (weighted + PRIOR_PER_DAY * PRIOR_DAYS) / (seen_days + PRIOR_DAYS)
    return per_day / 24.0


@compiled
def surprise(n: int, mean: float) -> float:
    """-log10 of P(X >= n), X negative binomial of the given mean and shape `TAIL_SHAPE`."""
    if n <= 0:
        return 0.0
    share = mean / (TAIL_SHAPE + mean)
    term = math.exp(TAIL_SHAPE * math.log(TAIL_SHAPE / (TAIL_SHAPE + mean)))
    below = 0.0
    for k in range(n):
        below += term
        term *= (TAIL_SHAPE + k) / (k + 1.0) * share
    if n <= mean:
        return min(TAIL_CEILING, max(0.0, -math.log10(max(1e-300, 1.0 - below))))
    # `term` is now P(X = n). Sum the thin tail itself: 1 - (the rest) would lose its digits.
    tail = 0.0
    k = n
    while term > tail * 1e-17 and k < n + 10_000:
        tail += term
        term *= (TAIL_SHAPE + k) / (k + 1.0) * share
        k += 1
    if tail <= 0.0:
        return TAIL_CEILING
    return min(TAIL_CEILING, max(0.0, -math.log10(tail)))


@compiled
def great_circle_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Haversine distance in km of two places in degrees."""
    a1, a2 = math.radians(lat1), math.radians(lat2)
    half_lat = math.sin((a2 - a1) / 2.0)
    half_lon = math.sin(math.radians(lon2 - lon1) / 2.0)
    h = half_lat * half_lat + math.cos(a1) * math.cos(a2) * half_lon * half_lon
    return 2.0 * EARTH_KM * math.asin(math.sqrt(min(1.0, h)))
