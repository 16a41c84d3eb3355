"""What a step costs and what a card takes: `python -m fraudstream_tests.benchmarks.detection`.

Processor time of this thread, so other programs disturb it little. History first, in large steps;
then steps of 2,000 and of 25 rows are measured, best and median.
"""

from __future__ import annotations

import argparse
import statistics
import time

import polars as pl

from fraudstream_platform.detection.step import Detector, warm_up
from fraudstream_tests.benchmarks.crowd import PARTITIONS, frames

CHUNK = 20_000


def measured_ms(detector: Detector, rows: pl.DataFrame, size: int, steps: int) -> list[float]:
    """Processor time of each of `steps` steps of `size` rows, ms."""
    taken = []
    for number in range(steps):
        part = rows[number * size : (number + 1) * size]
        start = time.thread_time()
        detector.step(part, "2026-01-05T00")
        taken.append(1000 * (time.thread_time() - start))
    return taken


def main() -> None:
    """Print the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--cards", type=int, default=10_000)
    options.add_argument("--days", type=float, default=40.0)
    options.add_argument("--per-day", type=float, default=1.0)
    chosen = options.parse_args()
    warm_up()
    detector = Detector(quality_threshold=0.0)
    stream = frames(chosen.cards, chosen.days, chosen.per_day, CHUNK)
    rows, began = 0, time.thread_time()
    last = next(stream)
    for frame in stream:
        detector.step(last, "2026-01-05T00")
        rows, last = rows + last.height, frame
    print(
        f"history: {rows:,} rows, {1e6 * (time.thread_time() - began) / max(1, rows):.1f} us each"
    )
    for size, steps in ((2_000, 8), (25, 120)):
        taken = measured_ms(detector, last, size, steps)
        last = last[size * steps :]
        best, median = min(taken), statistics.median(taken)
        print(
            f"{size:>5} rows a step: best {best:.2f} ms, median {median:.2f} ms, "
            f"{1000 * median / size:.1f} us a row"
        )
    held: dict[str, list[int]] = {}
    for partition in range(PARTITIONS):
        state = detector.export_state(partition)
        for name in ("card", "customer", "instrument"):
            mine = [a for key, a in state.items() if key.startswith(f"{name}.")]
            totals = held.setdefault(name, [0, 0])
            totals[0] += int(state[f"{name}.meta"][0])
            totals[1] += sum(a.nbytes for a in mine)
    for name, (count, size) in held.items():
        print(f"{name}: {count:,} held, {size / max(1, count):.0f} bytes each on average")
    together = sum(size for _, size in held.values()) / max(1, held["card"][0])
    print(f"together {together:.0f} bytes a card")


if __name__ == "__main__":
    main()
