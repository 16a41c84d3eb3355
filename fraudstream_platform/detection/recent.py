"""An account's recent events, gathered from its pages once for all the windows of one event.

Rows [elapsed ms, flags, amount, merchant, card], the newest arrival first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.detection import layout as at
from fraudstream_platform.detection.catalogue import INTEGERS, RING, RISING
from fraudstream_platform.detection.compiled import compiled
from fraudstream_platform.detection.table import Arrays

ELAPSED, FLAGS, AMOUNT, MERCHANT, CARD = range(5)
HOUR_MS = 3_600_000
LONGEST_MS = max(HOUR_MS, *(f.window_s * 1000 for f in INTEGERS if f.aggregation <= RISING))
"""No window over single events reaches further back."""
ABSORBED, EVENT_PAGES, EVENTS_A_PAGE = at.ABSORBED, at.EVENT_PAGES, at.EVENTS_A_PAGE
EVENT_TIME, EVENT_AMOUNT, EVENT_FLAGS = at.EVENT_TIME, at.EVENT_AMOUNT, at.EVENT_FLAGS
EVENT_MERCHANT, EVENT_CARD = at.EVENT_MERCHANT, at.EVENT_CARD


def empty_recent() -> NDArray[np.int64]:
    """Room for what `recall` writes."""
    return np.zeros((RING, CARD + 1), np.int64)


@compiled
def recall(
    row: NDArray[np.int64], events: Arrays, time: int, recent: NDArray[np.int64]
) -> Any:  # fmt: skip
    """The remembered events that a window ending at `time` (ms) can reach, written to `recent`."""
    numbers, cells = row.view(np.uint32), events[1]
    with_card = cells.shape[1] > EVENT_CARD // 2
    found = 0
    for age in range(min(row[ABSORBED], RING)):
        slot = (row[ABSORBED] - 1 - age) % RING
        page = cells[numbers[EVENT_PAGES + slot // EVENTS_A_PAGE]]
        place = slot % EVENTS_A_PAGE
        elapsed = time - page[EVENT_TIME + place]
        if 0 <= elapsed < LONGEST_MS:
            words = page.view(np.uint32)
            recent[found, ELAPSED] = elapsed
            recent[found, FLAGS] = words[EVENT_FLAGS + place]
            recent[found, AMOUNT] = page[EVENT_AMOUNT + place]
            recent[found, MERCHANT] = words[EVENT_MERCHANT + place]
            if with_card:
                recent[found, CARD] = words[EVENT_CARD + place]
            found += 1
    return recent[:found]
