"""A log of touches of two kinds of entities: it grows as far as it is needed, and travels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.detection.exchange_counts import first_after, look_up_rows, new_scratch
from fraudstream_platform.detection.exchange_rows import (
    BUCKETS,
    CELLS,
    CHAINS,
    LATE_MS,
    MAX_ROWS,
    SPREAD_MS,
    START_ROWS,
    append_rows,
    link_all,
)
from fraudstream_platform.detection.exchange_touches import Touches
from fraudstream_platform.detection.table import Arrays


class TouchLog:
    """Two kinds of entities and the touches of them within `long_ms` of append time."""

    def __init__(self, long_ms: int) -> None:
        self._long_ms = long_ms
        self._keep_ms = long_ms + LATE_MS + SPREAD_MS
        self._scratch = new_scratch()
        # [rows ever added, newest append time in ms]
        self._meta = np.zeros(2, np.int64)
        self._heads = np.zeros((CHAINS, BUCKETS), np.int64)
        self._rows = np.zeros((START_ROWS, CELLS), np.int64)

    @property
    def arrays(self) -> Arrays:
        """What the kernels take."""
        return self._rows, self._heads, self._meta

    def append(
        self, touches: Touches, keys: NDArray[np.uint32], appended: NDArray[np.int64]
    ) -> None:
        """Add the touches that have one of the two `keys`, in order of `appended` (epoch ms)."""
        place = 0
        while place < len(touches):
            place = append_rows(
                self.arrays, place, self._keep_ms, appended, touches.time, touches.card,
                touches.outcome, keys,
            )  # fmt: skip
            if place < len(touches):
                self._rows = self._placed(self._needed(), 2 * self._rows.shape[0])

    def look_up(
        self,
        asking: NDArray[np.int64],
        bounds: NDArray[np.int64],
        times: NDArray[np.int64],
        keys: NDArray[np.uint32],
        specs: NDArray[np.int64],
        integers: NDArray[np.int64],
        reals: NDArray[np.float64],
    ) -> None:
        """Fill the columns of `specs` in the rows `asking`, as the log stood at their `bounds`."""
        look_up_rows(
            self.arrays, asking, bounds, times, keys, specs, self._long_ms, self._scratch,
            integers, reals,
        )  # fmt: skip

    def _needed(self) -> NDArray[np.int64]:
        """A copy of the rows that are still needed, oldest first."""
        last, size = int(self._meta[0]), self._rows.shape[0]
        first = first_after(self._rows, last, int(self._meta[1]) - self._keep_ms - 1)
        start, count = first & (size - 1), last - first
        if start + count <= size:
            return self._rows[start : start + count].copy()
        return np.concatenate((self._rows[start:], self._rows[: start + count - size]))

    def _placed(self, held: NDArray[np.int64], size: int) -> NDArray[np.int64]:
        """A ring of `size` rows whose newest are `held`."""
        last = int(self._meta[0])
        rows = np.zeros((size, CELLS), np.int64)
        rows[np.arange(last - held.shape[0], last) & (size - 1)] = held
        return rows

    def dump(self) -> dict[str, NDArray[Any]]:
        """Copies of the rows still needed, oldest first, and of the counters."""
        return {"rows": self._needed(), "meta": self._meta.copy()}

    def load(self, dumped: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `dump` gave."""
        held, self._meta = dumped["rows"], np.array(dumped["meta"], np.int64)
        size = max(START_ROWS, 1 << int(held.shape[0]).bit_length())
        self._rows = self._placed(held, min(size, MAX_ROWS))
        self._heads = np.zeros((CHAINS, BUCKETS), np.int64)
        last = int(self._meta[0])
        link_all(self._rows, self._heads, last - held.shape[0], last)
