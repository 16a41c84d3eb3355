"""Tiles of one day (UTC): what an account did on each of the newest 30 days of its event time."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.compiled import compiled
from fraudstream_platform.detection import flags as ev
from fraudstream_platform.detection import layout as at
from fraudstream_platform.detection.catalogue import DAYS
from fraudstream_platform.detection.formulas import DAY_MS
from fraudstream_platform.detection.now import Now
from fraudstream_platform.detection.pages import page_for
from fraudstream_platform.detection.table import Arrays
from fraudstream_platform.detection.tiles import COUNT_LIMIT, MOST_MINOR, add_one, tile_for, whole

ATTEMPT, CIT, SPEND, REVERSAL, CASH = ev.ATTEMPT, ev.CIT, ev.SPEND, ev.REVERSAL, ev.CASH
LAST_TIME, TILES_A_PAGE = at.LAST_TIME, at.TILES_A_PAGE
DAY_PAGES, DAY_PAGES_END = at.DAY_PAGES, at.DAY_PAGES_END
DAY_AT, DAY_SUM, DAY_MAX = at.DAY_AT, at.DAY_SUM, at.DAY_MAX
DAY_N, DAY_CASH, DAY_CASH_N, DAY_USED = at.DAY_N, at.DAY_CASH, at.DAY_CASH_N, at.DAY_USED
CUSTOMER_DAY_CELLS = at.CUSTOMER_DAY_CELLS
WEEK = 7
USED_STEPS = 10_000


class Month(NamedTuple):
    """What 7 and 30 days hold."""

    n_week: int
    n: int
    total_week: int
    total: int
    highest: int


class Credit(NamedTuple):
    """What 7 and 30 days hold of cash-like spend and of the used share of the limit.

    `used_*` is that share on the oldest earlier day known, in steps plus one, 0 where none is.
    """

    cash_n_week: int
    cash: int
    used_week: int
    used: int


@compiled
def last_month(row: NDArray[np.int64], days: Arrays, time: int) -> Month:
    """Sum up the day of `time` and the 6 and 29 before it."""
    numbers, cells = row.view(np.uint32), days[1]
    day = time // DAY_MS
    oldest = max(time, row[LAST_TIME]) // DAY_MS - DAYS
    n_week, n, total_week, total, highest = 0, 0, 0, 0, 0
    which = DAY_PAGES
    while which < DAY_PAGES_END and numbers[which] != 0:
        page = cells[numbers[which]]
        words, counters = page.view(np.uint32), page.view(np.uint16)
        for place in range(TILES_A_PAGE):
            held = whole(counters, DAY_AT + place)
            if oldest < held <= day:
                n += whole(counters, DAY_N + place)
                total += page[DAY_SUM + place]
                highest = max(highest, whole(words, DAY_MAX + place))
                if day - held < WEEK:
                    n_week += whole(counters, DAY_N + place)
                    total_week += page[DAY_SUM + place]
        which += 1
    return Month(n_week, n, max(0, total_week), max(0, total), highest)


@compiled
def last_credit(row: NDArray[np.int64], days: Arrays, time: int) -> Credit:
    """The same of what only the pages of cards have."""
    numbers, cells = row.view(np.uint32), days[1]
    day = time // DAY_MS
    oldest = max(time, row[LAST_TIME]) // DAY_MS - DAYS
    cash_n_week, cash, used_week, used = 0, 0, 0, 0
    week_age, month_age = 0, 0
    which = DAY_PAGES
    while which < DAY_PAGES_END and numbers[which] != 0:
        page = cells[numbers[which]]
        words, counters = page.view(np.uint32), page.view(np.uint16)
        for place in range(TILES_A_PAGE):
            held = whole(counters, DAY_AT + place)
            if not oldest < held <= day:
                continue
            age, share = day - held, whole(counters, DAY_USED + place)
            cash += whole(words, DAY_CASH + place)
            if age < WEEK:
                cash_n_week += whole(counters, DAY_CASH_N + place)
            if share > 0 and age > month_age:
                used, month_age = share, age
            if share > 0 and week_age < age < WEEK:
                used_week, week_age = share, age
        which += 1
    return Credit(cash_n_week, cash, used_week, used)


@compiled
def absorb_day(row: NDArray[np.int64], days: Arrays, now: Now, utilisation: float) -> None:
    """Add the event to its day; the row still stands as before it. Cards know a utilisation."""
    numbers, marks, day = row.view(np.uint32), days[1].view(np.uint16), now.time // DAY_MS
    oldest = max(now.time, row[LAST_TIME]) // DAY_MS - DAYS
    if day <= oldest:
        return
    tile = tile_for(numbers, marks, (DAY_PAGES, DAY_PAGES_END), DAY_AT, day, oldest)
    page = page_for(days, numbers, DAY_PAGES + tile // TILES_A_PAGE)
    words, counters, place = page.view(np.uint32), page.view(np.uint16), tile % TILES_A_PAGE
    is_new = whole(counters, DAY_AT + place) != day
    if is_new:
        counters[DAY_AT + place], counters[DAY_N + place] = day, 0
        page[DAY_SUM + place], words[DAY_MAX + place] = 0, 0
    if now.flags & (ATTEMPT | CIT) == (ATTEMPT | CIT):
        add_one(counters, DAY_N + place)
    if now.flags & SPEND:
        page[DAY_SUM + place] += now.amount
        if now.flags & CIT:
            highest = max(whole(words, DAY_MAX + place), now.amount)
            words[DAY_MAX + place] = min(MOST_MINOR, highest)
    elif now.flags & REVERSAL:
        page[DAY_SUM + place] -= now.amount
    if page.shape[0] > CUSTOMER_DAY_CELLS:
        _absorb_credit(words, counters, place, is_new, now, utilisation)


@compiled
def _absorb_credit(
    words: NDArray[np.uint32], counters: NDArray[np.uint16], place: int, is_new: bool, now: Now,
    utilisation: float,
) -> None:  # fmt: skip
    if is_new:
        words[DAY_CASH + place] = 0
        counters[DAY_CASH_N + place], counters[DAY_USED + place] = 0, 0
    if now.flags & SPEND and now.flags & CASH:
        words[DAY_CASH + place] = min(MOST_MINOR, whole(words, DAY_CASH + place) + now.amount)
        add_one(counters, DAY_CASH_N + place)
    if not math.isnan(utilisation):
        steps = math.floor(USED_STEPS * utilisation + 0.5)
        counters[DAY_USED + place] = min(max(0, steps), COUNT_LIMIT - 1) + 1
