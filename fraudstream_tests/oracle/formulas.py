"""Formulas of the oracle, from their textbook forms."""

from __future__ import annotations

import math


def surprise(n: int, mean: float) -> float:
    """-log10 of the negative binomial tail, from factorials."""
    if n <= 0:
        return 0.0
    r = 0.5
    p = r / (r + mean)

    def mass(k: int) -> float:
        log_choose = math.lgamma(k + r) - math.lgamma(r) - math.lgamma(k + 1)
        return math.exp(log_choose + r * math.log(p) + k * math.log(1 - p))

    if n <= mean:
        tail = 1 - math.fsum(mass(k) for k in range(n))
    else:
        tail = 0.0
        for k in range(n, n + 8_000):
            tail += mass(k)
            if mass(k) < 1e-40:
                break
    return min(15.0, max(0.0, -math.log10(tail)))


def great_circle_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Haversine, Earth's mean radius."""
    p1, p2 = math.radians(lat1), math.radians(lat2)
    h = math.sin((p2 - p1) / 2) ** 2
    h += math.cos(p1) * math.cos(p2) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    return 2 * 6371.0088 * math.asin(math.sqrt(min(1.0, h)))
