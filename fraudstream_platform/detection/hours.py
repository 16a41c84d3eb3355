"""Tiles of one hour: what an account did in each of the newest 24 hours of its event time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.compiled import compiled
from fraudstream_platform.detection import flags as ev
from fraudstream_platform.detection import layout as at
from fraudstream_platform.detection.catalogue import HOURS
from fraudstream_platform.detection.now import Now
from fraudstream_platform.detection.pages import page_for
from fraudstream_platform.detection.recent import HOUR_MS
from fraudstream_platform.detection.table import Arrays
from fraudstream_platform.detection.tiles import MOST_MINOR, add_one, tile_for, whole

ATTEMPT, CIT, APPROVED, DECLINED = ev.ATTEMPT, ev.CIT, ev.APPROVED, ev.DECLINED
HARD, SMALL, SPEND, REVERSAL = ev.HARD, ev.SMALL, ev.SPEND, ev.REVERSAL
LAST_TIME, TILES_A_PAGE = at.LAST_TIME, at.TILES_A_PAGE
HOUR_PAGES, HOUR_PAGES_END = at.HOUR_PAGES, at.DAY_PAGES
HOUR_AT, HOUR_SUM, HOUR_MAX = at.HOUR_AT, at.HOUR_SUM, at.HOUR_MAX
HOUR_N, HOUR_DECLINED = at.HOUR_N, at.HOUR_DECLINED
HOUR_HARD, HOUR_SMALL = at.HOUR_HARD, at.HOUR_SMALL


class Day(NamedTuple):
    """What 24 hours hold."""

    n: int
    declined: int
    hard: int
    small: int
    total: int
    highest: int


@compiled
def last_day(row: NDArray[np.int64], hours: Arrays, time: int) -> Day:
    """Sum up the hour of `time` and the 23 before it."""
    numbers, cells = row.view(np.uint32), hours[1]
    hour = time // HOUR_MS
    oldest = max(time, row[LAST_TIME]) // HOUR_MS - HOURS
    n, declined, hard, small, total, highest = 0, 0, 0, 0, 0, 0
    which = HOUR_PAGES
    while which < HOUR_PAGES_END and numbers[which] != 0:
        page = cells[numbers[which]]
        words, counters = page.view(np.uint32), page.view(np.uint16)
        for place in range(TILES_A_PAGE):
            if oldest < whole(words, HOUR_AT + place) <= hour:
                n += whole(counters, HOUR_N + place)
                declined += whole(counters, HOUR_DECLINED + place)
                hard += whole(counters, HOUR_HARD + place)
                small += whole(counters, HOUR_SMALL + place)
                total += page[HOUR_SUM + place]
                highest = max(highest, whole(words, HOUR_MAX + place))
        which += 1
    return Day(n, declined, hard, small, max(0, total), highest)


@compiled
def absorb_hour(row: NDArray[np.int64], hours: Arrays, now: Now) -> None:
    """Add the event to its hour; the row still stands as before it."""
    numbers, marks, hour = row.view(np.uint32), hours[1].view(np.uint32), now.time // HOUR_MS
    oldest = max(now.time, row[LAST_TIME]) // HOUR_MS - HOURS
    if hour <= oldest:
        return
    tile = tile_for(numbers, marks, (HOUR_PAGES, HOUR_PAGES_END), HOUR_AT, hour, oldest)
    page = page_for(hours, numbers, HOUR_PAGES + tile // TILES_A_PAGE)
    words, counters, place = page.view(np.uint32), page.view(np.uint16), tile % TILES_A_PAGE
    if whole(words, HOUR_AT + place) != hour:
        words[HOUR_AT + place] = hour
        page[HOUR_SUM + place], words[HOUR_MAX + place] = 0, 0
        for counter in range(HOUR_N + place, HOUR_SMALL + TILES_A_PAGE, TILES_A_PAGE):
            counters[counter] = 0
    if now.flags & (ATTEMPT | CIT) == (ATTEMPT | CIT):
        _count_attempt(counters, place, now.flags)
    if now.flags & SPEND:
        page[HOUR_SUM + place] += now.amount
        if now.flags & CIT:
            highest = max(whole(words, HOUR_MAX + place), now.amount)
            words[HOUR_MAX + place] = min(MOST_MINOR, highest)
    elif now.flags & REVERSAL:
        page[HOUR_SUM + place] -= now.amount


@compiled
def _count_attempt(counters: NDArray[np.uint16], place: int, flags: int) -> None:
    add_one(counters, HOUR_N + place)
    if flags & DECLINED:
        add_one(counters, HOUR_DECLINED + place)
    if flags & HARD:
        add_one(counters, HOUR_HARD + place)
    if flags & APPROVED and flags & SMALL:
        add_one(counters, HOUR_SMALL + place)
