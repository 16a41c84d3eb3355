"""Alert latency over time, as reports show it."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

_BUCKET_S = 5


def over_time(pairs: Iterable[tuple[float, float]], start: float) -> list[dict[str, float]]:
    """Alerts of each five seconds since `start`: how many, and their latency in ms.

    `pairs` are an alert's moment (epoch seconds) and its latency.
    """
    buckets: dict[int, list[float]] = {}
    for at, ms in pairs:
        buckets.setdefault(int((at - start) // _BUCKET_S), []).append(ms)
    return [
        {
            "s": number * _BUCKET_S,
            "alerts": len(ms),
            "p50": round(median(ms)),
            "max": round(max(ms)),
        }
        for number, ms in sorted(buckets.items())
    ]
