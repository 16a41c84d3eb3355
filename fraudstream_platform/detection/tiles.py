"""What tiles of hours and of days share: where they stand, and counters that stop at their limit.

A tile's place says nothing of its time. Tiles that the newest one has left too far behind are
forgotten and written anew first, so an account takes as many pages as its busiest time needed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.compiled import compiled
from fraudstream_platform.detection import layout as at

TILES_A_PAGE = at.TILES_A_PAGE
COUNT_LIMIT = 65_535
MOST_MINOR = (1 << 32) - 1
"""Where maxima, and cash of a day, stop: 42,949,672.95 in a currency of two decimals."""


@compiled
def whole(values: NDArray[Any], place: int) -> int:
    """One short unsigned number as what kernels count with."""
    return np.int64(values[place])  # type: ignore[return-value]  # to numba an int


@compiled
def add_one(counters: NDArray[np.uint16], place: int) -> None:
    """Count up to `COUNT_LIMIT` and no further."""
    if counters[place] < COUNT_LIMIT:
        counters[place] += 1


@compiled
def tile_for(
    numbers: NDArray[np.uint32], marks: NDArray[Any], pages: tuple[int, int], mark_at: int,
    mark: int, oldest: int,
) -> int:  # fmt: skip
    """The tile marked `mark`, else the first one marked `oldest` or before, else a new page's.

    `marks` are all pages as the marks' type; `pages` are the places of the row's page numbers.
    """
    first, end = pages
    which, free = first, -1
    while which < end and numbers[which] != 0:
        page = marks[numbers[which]]
        for place in range(TILES_A_PAGE):
            held = whole(page, mark_at + place)
            if held == mark:
                return (which - first) * TILES_A_PAGE + place
            if free < 0 and held <= oldest:
                free = (which - first) * TILES_A_PAGE + place
        which += 1
    return free if free >= 0 else (which - first) * TILES_A_PAGE
