"""Where each value stands in the state's rows and pages, and the declaration as kernel tables."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.detection.catalogue import (
    DAYS,
    HOURS,
    INTEGERS,
    REALS,
    RING,
    RISING,
    Entity,
)
from fraudstream_platform.detection.measures import (
    CARD_SCALARS,
    CARD_TALLIES,
    CUSTOMER_SCALARS,
    CUSTOMER_TALLIES,
    EVENT_SCALARS,
    GEO_SCALARS,
    KINDS,
    SCALARS,
    TALLIES,
    Measure,
)

LAYOUT = 4
"""Raise it when a value changes its place or meaning; changed widths are noticed by themselves."""

# Rows and pages are cells of eight bytes, which kernels read as int64, float64, two uint32 or four
# uint16: `row`, `row.view(float64)` and so on. Places count in the type's own size.

# The row of an account, which is a card or a customer. int64: times in ms, amounts in minor units.
ABSORBED = 0
LAST_TIME = 1
FIRST_TIME = 2
LAST_DECLINE = 3
DECLINE_AMOUNT = 4
MAX_APPROVED = 5
RATE_TIME = 6
SPENDS = 7
GAPS = 8

# float64
RATE = 9
LOG_MEAN = 10
LOG_VARIANCE = 11
LOG_GAP = 12

# uint32: the pages that hold events and tiles, 0 where there is none yet. Events need a page more
# than the ring is long, as the newest is seldom full.
EVENTS_A_PAGE = 4
TILES_A_PAGE = 4
EVENT_PAGES = 2 * (LOG_GAP + 1)
HOUR_PAGES = EVENT_PAGES + RING // EVENTS_A_PAGE + 1
DAY_PAGES = HOUR_PAGES + -(-HOURS // TILES_A_PAGE)
DAY_PAGES_END = DAY_PAGES + -(-DAYS // TILES_A_PAGE)

ACCOUNT_CELLS = -(-DAY_PAGES_END // 2)

# A card's row goes on. int64: the open day and what it spent, closed days; float64: their mean
# spend, Page and Hinkley's statistic; uint32: hours of returned payments.
OPEN_DAY = ACCOUNT_CELLS
OPEN_SPEND = OPEN_DAY + 1
CLOSED_DAYS = OPEN_DAY + 2
USUAL_SPEND = OPEN_DAY + 3
DRIFT = OPEN_DAY + 4
RETURNS = 4
RETURN_HOURS = 2 * (OPEN_DAY + 5)
CARD_CELLS = (RETURN_HOURS + RETURNS) // 2

# A customer's row goes on. int64: numbers of what the means are of; float64: the means; then
# things with the hour when they were last met, hour * 2^32 + thing, 0 where there is none.
TIMES_OF_DAY = ACCOUNT_CELLS
PLACES = TIMES_OF_DAY + 1
COSINE = TIMES_OF_DAY + 2
SINE = TIMES_OF_DAY + 3
HOME_LATITUDE = TIMES_OF_DAY + 4
HOME_LONGITUDE = TIMES_OF_DAY + 5
NEWCOMERS = TIMES_OF_DAY + 6
KNOWN_THINGS = NEWCOMERS + len(KINDS)
KIND_SIZES = tuple(size for _, size in KINDS.values())
KIND_STARTS = tuple(KNOWN_THINGS + sum(KIND_SIZES[:kind]) for kind in range(len(KINDS)))
CUSTOMER_CELLS = KNOWN_THINGS + sum(KIND_SIZES)

# A page of events, int64: times and amounts; uint32: flags and shortened hashes. The customer's
# pages have the cards as well.
EVENT_TIME = 0
EVENT_AMOUNT = EVENT_TIME + EVENTS_A_PAGE
EVENT_FLAGS = 2 * (EVENT_AMOUNT + EVENTS_A_PAGE)
EVENT_MERCHANT = EVENT_FLAGS + EVENTS_A_PAGE
EVENT_CARD = EVENT_MERCHANT + EVENTS_A_PAGE

CARD_EVENT_CELLS = EVENT_CARD // 2
CUSTOMER_EVENT_CELLS = CARD_EVENT_CELLS + EVENTS_A_PAGE // 2

# A page of hours, int64: sums; uint32: maxima, hours since 1970; uint16: counts.
HOUR_SUM = 0
HOUR_MAX = 2 * (HOUR_SUM + TILES_A_PAGE)
HOUR_AT = HOUR_MAX + TILES_A_PAGE
HOUR_N = 2 * (HOUR_AT + TILES_A_PAGE)
HOUR_DECLINED = HOUR_N + TILES_A_PAGE
HOUR_HARD = HOUR_DECLINED + TILES_A_PAGE
HOUR_SMALL = HOUR_HARD + TILES_A_PAGE

HOUR_CELLS = (HOUR_SMALL + TILES_A_PAGE) // 4

# A page of days, int64: sums; uint32: maxima; uint16: days since 1970, counts. The card's pages have
# cash-like spend (uint32), its count and the utilisation in steps of 0.0001, plus one, as well.
DAY_SUM = 0
DAY_MAX = 2 * (DAY_SUM + TILES_A_PAGE)
DAY_AT = 2 * (DAY_MAX + TILES_A_PAGE)
DAY_N = DAY_AT + TILES_A_PAGE
DAY_CASH = (DAY_N + TILES_A_PAGE) // 2
DAY_CASH_N = 2 * (DAY_CASH + TILES_A_PAGE)
DAY_USED = DAY_CASH_N + TILES_A_PAGE

CUSTOMER_DAY_CELLS = DAY_CASH // 2
CARD_DAY_CELLS = (DAY_USED + TILES_A_PAGE) // 4

# An instrument's row: the last card-present place, int64 and float64.
PLACE_TIME = 0
PLACE_SEEN = 1
LATITUDE, LONGITUDE, PRECISION = 2, 3, 4
INSTRUMENT_CELLS = 5

_TALLIES: Mapping[Entity, Mapping[str, Measure]] = {
    "card": TALLIES | CARD_TALLIES,
    "customer": TALLIES | CUSTOMER_TALLIES,
}
_SCALARS: Mapping[Entity, Mapping[str, Measure]] = {
    "card": SCALARS | CARD_SCALARS,
    "customer": SCALARS | CUSTOMER_SCALARS,
    "instrument": GEO_SCALARS,
    "event": EVENT_SCALARS,
}


@cache
def kernel_specs(entity: Entity) -> NDArray[np.int64]:
    """Rows [aggregation, window ms, mask, want, includes current, column] of windows of events."""
    rows = [
        [f.aggregation, f.window_s * 1000, f.mask, f.want, int(f.includes_current), column]
        for column, f in enumerate(INTEGERS)
        if f.entity == entity and f.aggregation <= RISING
    ]
    return np.array(rows, np.int64).reshape(-1, 6)


@cache
def tally_columns(entity: Entity) -> NDArray[np.int64]:
    """Column of each tally among the integers, in the kernels' order."""
    places = {f.measure: column for column, f in enumerate(INTEGERS) if f.entity == entity}
    return np.array([places[measure] for measure in _TALLIES[entity]], np.int64)


@cache
def scalar_columns(entity: Entity) -> NDArray[np.int64]:
    """Column of each scalar among the reals, in the kernels' order."""
    places = {f.measure: column for column, f in enumerate(REALS) if f.entity == entity}
    return np.array([places[measure] for measure in _SCALARS[entity]], np.int64)
