"""An account's recent events, one by one: remembered in pages, gathered once for all windows.

The pages of a row are a queue, the oldest first. A page whose events no window can reach any more
is written anew, so an account takes as many pages as its busiest hour needed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.compiled import compiled
from fraudstream_platform.detection import layout as at
from fraudstream_platform.detection.catalogue import INTEGERS, RING, RISING
from fraudstream_platform.detection.now import Now
from fraudstream_platform.detection.pages import page_for
from fraudstream_platform.detection.table import Arrays

ELAPSED, FLAGS, AMOUNT, MERCHANT, CARD = range(5)
HOUR_MS = 3_600_000
LONGEST_MS = max(HOUR_MS, *(f.window_s * 1000 for f in INTEGERS if f.aggregation <= RISING))
"""No window over single events reaches further back, neither from this event nor the newest."""
ABSORBED, LAST_TIME = at.ABSORBED, at.LAST_TIME
EVENT_PAGES, EVENT_PAGES_END, EVENTS_A_PAGE = at.EVENT_PAGES, at.HOUR_PAGES, at.EVENTS_A_PAGE
EVENT_TIME, EVENT_AMOUNT, EVENT_FLAGS = at.EVENT_TIME, at.EVENT_AMOUNT, at.EVENT_FLAGS
EVENT_MERCHANT, EVENT_CARD = at.EVENT_MERCHANT, at.EVENT_CARD


def empty_recent() -> NDArray[np.int64]:
    """Room for what `recall` writes: [elapsed ms, flags, amount, merchant, card] an event."""
    return np.zeros((RING, CARD + 1), np.int64)


@compiled
def _pages_end(numbers: NDArray[np.uint32]) -> int:
    """The place after the newest page's number."""
    end = EVENT_PAGES
    while end < EVENT_PAGES_END and numbers[end] != 0:
        end += 1
    return end


@compiled
def recall(
    row: NDArray[np.int64], events: Arrays, time: int, recent: NDArray[np.int64]
) -> Any:  # fmt: skip
    """The remembered events that a window ending at `time` (ms) can reach, the newest first."""
    numbers, cells = row.view(np.uint32), events[1]
    with_card = cells.shape[1] > EVENT_CARD // 2
    oldest = max(time, row[LAST_TIME]) - LONGEST_MS
    which, place = _pages_end(numbers) - 1, (row[ABSORBED] - 1) % EVENTS_A_PAGE
    found, seen = 0, 0
    while which >= EVENT_PAGES and seen < RING:
        page = cells[numbers[which]]
        happened = page[EVENT_TIME + place]
        if oldest < happened <= time:
            words = page.view(np.uint32)
            recent[found, ELAPSED] = time - happened
            recent[found, FLAGS] = words[EVENT_FLAGS + place]
            recent[found, AMOUNT] = page[EVENT_AMOUNT + place]
            recent[found, MERCHANT] = words[EVENT_MERCHANT + place]
            if with_card:
                recent[found, CARD] = words[EVENT_CARD + place]
            found += 1
        seen, place = seen + 1, place - 1
        if place < 0:
            which, place = which - 1, EVENTS_A_PAGE - 1
    return recent[:found]


@compiled
def count_in_window(recent: NDArray[np.int64], window_ms: int, flags: int) -> int:
    """How many of the recalled events are younger than `window_ms` and have all of `flags`."""
    count = 0
    for age in range(recent.shape[0]):
        if recent[age, FLAGS] & flags == flags and recent[age, ELAPSED] < window_ms:
            count += 1
    return count


@compiled
def _next_page(numbers: NDArray[np.uint32], cells: NDArray[np.int64], oldest: int) -> int:
    """Where the next page's number stands: the oldest page's again, if it is done with."""
    end = _pages_end(numbers)
    if end == EVENT_PAGES:
        return end
    first = numbers[EVENT_PAGES]
    if end < EVENT_PAGES_END:
        for place in range(EVENTS_A_PAGE):
            if cells[first, EVENT_TIME + place] > oldest:
                return end
    for which in range(EVENT_PAGES, end - 1):
        numbers[which] = numbers[which + 1]
    numbers[end - 1] = first
    return end - 1


@compiled
def remember(row: NDArray[np.int64], events: Arrays, now: Now, marks: int) -> None:
    """Write the event behind the newest, `marks` among its flags; the row still stands as before."""
    numbers, place = row.view(np.uint32), row[ABSORBED] % EVENTS_A_PAGE
    if place == 0:
        which = _next_page(numbers, events[1], max(now.time, row[LAST_TIME]) - LONGEST_MS)
    else:
        which = _pages_end(numbers) - 1
    page = page_for(events, numbers, which)
    words = page.view(np.uint32)
    page[EVENT_TIME + place] = now.time
    page[EVENT_AMOUNT + place] = now.amount
    words[EVENT_FLAGS + place] = now.flags | marks
    words[EVENT_MERCHANT + place] = now.merchant
    if words.shape[0] > EVENT_CARD:
        words[EVENT_CARD + place] = now.card
