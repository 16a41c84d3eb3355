"""Tiles of one day (UTC): what an account did on each of the newest 30 days of its event time.

Kept as tiles of hours are. One walk a row fills all features of 7 and of 30 days.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.detection import flags as ev
from fraudstream_platform.detection import layout as at
from fraudstream_platform.detection.catalogue import DAYS
from fraudstream_platform.detection.compiled import compiled
from fraudstream_platform.detection.formulas import DAY_MS
from fraudstream_platform.detection.hours import COUNT_LIMIT, add_one
from fraudstream_platform.detection.now import Now
from fraudstream_platform.detection.pages import page_for
from fraudstream_platform.detection.table import Arrays

ATTEMPT, CIT, SPEND, REVERSAL, CASH = ev.ATTEMPT, ev.CIT, ev.SPEND, ev.REVERSAL, ev.CASH
LAST_TIME, DAY_PAGES, DAY_PAGES_END = at.LAST_TIME, at.DAY_PAGES, at.DAY_PAGES_END
DAYS_A_PAGE, DAY_AT, DAY_SUM, DAY_MAX = at.DAYS_A_PAGE, at.DAY_AT, at.DAY_SUM, at.DAY_MAX
DAY_N, DAY_CASH, DAY_CASH_N, DAY_USED = at.DAY_N, at.DAY_CASH, at.DAY_CASH_N, at.DAY_USED
CUSTOMER_DAY_CELLS = at.CUSTOMER_DAY_CELLS
WEEK = 7
USED_STEPS = 10_000


class Month(NamedTuple):
    """What 7 and 30 days hold, and the tile of the event's day: -1 where it comes too late.

    `used_*` is the utilisation of the oldest earlier day known, in steps plus one, 0 for none.
    """

    n_week: int
    n: int
    total_week: int
    total: int
    highest: int
    cash_n_week: int
    cash: int
    used_week: int
    used: int
    tile: int


@compiled
def last_month(row: NDArray[np.int64], days: Arrays, time: int) -> Month:
    """Sum up the event's day and the 6 and 29 before it."""
    numbers, cells = row.view(np.uint32), days[1]
    with_cash = cells.shape[1] > CUSTOMER_DAY_CELLS
    day = time // DAY_MS
    oldest = max(time, row[LAST_TIME]) // DAY_MS - DAYS
    n_week, n, total_week, total, highest, cash_n_week, cash = 0, 0, 0, 0, 0, 0, 0
    used_week, used, used_week_age, used_age = 0, 0, 0, 0
    own, free, which = -1, -1, DAY_PAGES
    while which < DAY_PAGES_END and numbers[which] != 0:
        page = cells[numbers[which]]
        halves = page.view(np.uint16)
        for place in range(DAYS_A_PAGE):
            held = np.int64(halves[DAY_AT + place])
            if held <= oldest:
                if free < 0:
                    free = (which - DAY_PAGES) * DAYS_A_PAGE + place
                continue
            age = day - held
            if age < 0:
                continue
            if age == 0:
                own = (which - DAY_PAGES) * DAYS_A_PAGE + place
            n += np.int64(halves[DAY_N + place])
            total += page[DAY_SUM + place]
            highest = max(highest, page[DAY_MAX + place])
            if age < WEEK:
                n_week += np.int64(halves[DAY_N + place])
                total_week += page[DAY_SUM + place]
            if with_cash:
                cash += page[DAY_CASH + place]
                known = np.int64(halves[DAY_USED + place])
                if known > 0 and age > used_age:
                    used, used_age = known, age
                if age < WEEK:
                    cash_n_week += np.int64(halves[DAY_CASH_N + place])
                    if known > 0 and age > used_week_age:
                        used_week, used_week_age = known, age
        which += 1
    if own < 0 and day > oldest:
        own = free if free >= 0 else (which - DAY_PAGES) * DAYS_A_PAGE
    return Month(
        n_week, n, max(0, total_week), max(0, total), highest, cash_n_week, cash,
        used_week, used, own,
    )  # fmt: skip


@compiled
def absorb_day(
    row: NDArray[np.int64], days: Arrays, tile: int, now: Now, utilisation: float
) -> None:
    """Add the event to its day, in the tile that `last_month` named; cards know a utilisation."""
    if tile < 0:
        return
    page = page_for(days, row.view(np.uint32), DAY_PAGES + tile // DAYS_A_PAGE)
    halves, place = page.view(np.uint16), tile % DAYS_A_PAGE
    with_cash = page.shape[0] > CUSTOMER_DAY_CELLS
    day, flags = now.time // DAY_MS, now.flags
    if np.int64(halves[DAY_AT + place]) != day:
        halves[DAY_AT + place], halves[DAY_N + place] = day, 0
        page[DAY_SUM + place], page[DAY_MAX + place] = 0, 0
        if with_cash:
            page[DAY_CASH + place] = 0
            halves[DAY_CASH_N + place], halves[DAY_USED + place] = 0, 0
    if flags & (ATTEMPT | CIT) == (ATTEMPT | CIT):
        add_one(halves, DAY_N + place)
    if flags & SPEND:
        page[DAY_SUM + place] += now.amount
        if flags & CIT:
            page[DAY_MAX + place] = max(page[DAY_MAX + place], now.amount)
        if with_cash and flags & CASH:
            page[DAY_CASH + place] += now.amount
            add_one(halves, DAY_CASH_N + place)
    elif flags & REVERSAL:
        page[DAY_SUM + place] -= now.amount
    if with_cash and not math.isnan(utilisation):
        steps = math.floor(USED_STEPS * utilisation + 0.5)
        halves[DAY_USED + place] = np.int64(min(max(0, steps), COUNT_LIMIT - 1)) + 1
