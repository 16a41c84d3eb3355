"""Tiles of one hour: what an account did in each of the newest 24 hours of its event time.

A tile's place says nothing of its hour. Tiles before the newest hour's 23 are forgotten and are
written anew first, so an account takes as many pages as its busiest day needed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.detection import flags as ev
from fraudstream_platform.detection import layout as at
from fraudstream_platform.detection.catalogue import HOURS
from fraudstream_platform.detection.compiled import compiled
from fraudstream_platform.detection.now import Now
from fraudstream_platform.detection.pages import page_for
from fraudstream_platform.detection.recent import HOUR_MS
from fraudstream_platform.detection.table import Arrays

ATTEMPT, CIT, APPROVED, DECLINED = ev.ATTEMPT, ev.CIT, ev.APPROVED, ev.DECLINED
HARD, SMALL, SPEND, REVERSAL = ev.HARD, ev.SMALL, ev.SPEND, ev.REVERSAL
LAST_TIME, HOUR_PAGES, HOUR_PAGES_END = at.LAST_TIME, at.HOUR_PAGES, at.DAY_PAGES
HOURS_A_PAGE, HOUR_AT, HOUR_SUM, HOUR_MAX = at.HOURS_A_PAGE, at.HOUR_AT, at.HOUR_SUM, at.HOUR_MAX
HOUR_N, HOUR_DECLINED = at.HOUR_N, at.HOUR_DECLINED
HOUR_HARD, HOUR_SMALL = at.HOUR_HARD, at.HOUR_SMALL
COUNT_LIMIT = 65_535


class Day(NamedTuple):
    """What 24 hours hold, and the tile of the event's hour: -1 where it comes too late."""

    n: int
    declined: int
    hard: int
    small: int
    total: int
    highest: int
    tile: int


@compiled
def last_day(row: NDArray[np.int64], hours: Arrays, time: int) -> Day:
    """Sum up the event's hour and the 23 before it."""
    numbers, cells = row.view(np.uint32), hours[1]
    hour = time // HOUR_MS
    oldest = max(time, row[LAST_TIME]) // HOUR_MS - HOURS
    n, declined, hard, small, total, highest = 0, 0, 0, 0, 0, 0
    own, free, which = -1, -1, HOUR_PAGES
    while which < HOUR_PAGES_END and numbers[which] != 0:
        page = cells[numbers[which]]
        words, halves = page.view(np.uint32), page.view(np.uint16)
        for place in range(HOURS_A_PAGE):
            held = np.int64(words[HOUR_AT + place])
            if held <= oldest:
                if free < 0:
                    free = (which - HOUR_PAGES) * HOURS_A_PAGE + place
                continue
            if held > hour:
                continue
            if held == hour:
                own = (which - HOUR_PAGES) * HOURS_A_PAGE + place
            n += np.int64(halves[HOUR_N + place])
            declined += np.int64(halves[HOUR_DECLINED + place])
            hard += np.int64(halves[HOUR_HARD + place])
            small += np.int64(halves[HOUR_SMALL + place])
            total += page[HOUR_SUM + place]
            highest = max(highest, page[HOUR_MAX + place])
        which += 1
    if own < 0 and hour > oldest:
        own = free if free >= 0 else (which - HOUR_PAGES) * HOURS_A_PAGE
    return Day(n, declined, hard, small, max(0, total), highest, own)


@compiled
def add_one(halves: NDArray[np.uint16], place: int) -> None:
    """Count up to 65,535 and no further."""
    if halves[place] < COUNT_LIMIT:
        halves[place] += 1


@compiled
def absorb_hour(row: NDArray[np.int64], hours: Arrays, tile: int, now: Now) -> None:
    """Add the event to its hour, in the tile that `last_day` named."""
    if tile < 0:
        return
    page = page_for(hours, row.view(np.uint32), HOUR_PAGES + tile // HOURS_A_PAGE)
    words, halves, place = page.view(np.uint32), page.view(np.uint16), tile % HOURS_A_PAGE
    hour, flags = now.time // HOUR_MS, now.flags
    if np.int64(words[HOUR_AT + place]) != hour:
        words[HOUR_AT + place] = hour
        page[HOUR_SUM + place], page[HOUR_MAX + place] = 0, 0
        for counter in range(HOUR_N + place, HOUR_SMALL + HOURS_A_PAGE, HOURS_A_PAGE):
            halves[counter] = 0
    if flags & (ATTEMPT | CIT) == (ATTEMPT | CIT):
        add_one(halves, HOUR_N + place)
        if flags & DECLINED:
            add_one(halves, HOUR_DECLINED + place)
        if flags & HARD:
            add_one(halves, HOUR_HARD + place)
        if flags & APPROVED and flags & SMALL:
            add_one(halves, HOUR_SMALL + place)
    if flags & SPEND:
        page[HOUR_SUM + place] += now.amount
        if flags & CIT:
            page[HOUR_MAX + place] = max(page[HOUR_MAX + place], now.amount)
    elif flags & REVERSAL:
        page[HOUR_SUM + place] -= now.amount
