"""The breaker, written as naively as possible."""

from __future__ import annotations


def held_rows(rows: list[tuple[int, str, float]], threshold: float) -> list[bool]:
    """Which of (partition, source, score) are held: a running mean, the newest row counting 1/32."""
    level: dict[tuple[int, str], float] = {}
    is_open: dict[tuple[int, str], bool] = {}
    held = []
    for partition, source, score in rows:
        key = (partition, source)
        before = level.get(key, 1.0)
        level[key] = before + (score - before) / 32
        if level[key] < threshold:
            is_open[key] = True
        elif level[key] >= (1 + threshold) / 2:
            is_open[key] = False
        held.append(is_open.get(key, False))
    return held
