"""Where each value stands in the state's rows and pages, and the declaration as kernel tables."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.detection.catalogue import (
    INTEGERS,
    REALS,
    RING,
    TILES,
    Entity,
)
from fraudstream_platform.detection.measures import GEO_SCALARS, SCALARS

LAYOUT = 2
"""Raise it when a value changes its place or meaning; changed widths are noticed by themselves."""

# Rows and pages are cells of eight bytes, which kernels read as int64, float64 or two uint32:
# `row`, `row.view(float64)`, `row.view(uint32)`. Places count in the type's own size.

# An account's row, int64: times in ms, amounts in minor units.
ABSORBED = 0
LAST_TIME = 1
FIRST_TIME = 2
LAST_DECLINE = 3
DECLINE_AMOUNT = 4
MAX_APPROVED = 5
RATE_TIME = 6
SPENDS = 7

# float64
RATE = 8
LOG_MEAN = 9
LOG_VARIANCE = 10

# uint32: the pages that hold the ring's events and the tiles, 0 where there is none yet.
EVENTS_A_PAGE = 4
TILES_A_PAGE = 2
EVENT_PAGES = 2 * (LOG_VARIANCE + 1)
TILE_PAGES = EVENT_PAGES + RING // EVENTS_A_PAGE
TILE_PAGES_END = TILE_PAGES + TILES // TILES_A_PAGE

ACCOUNT_CELLS = TILE_PAGES_END // 2

# A page of events, int64: times and amounts; uint32: flags and shortened hashes. The customer's
# pages have the cards as well.
EVENT_TIME = 0
EVENT_AMOUNT = EVENT_TIME + EVENTS_A_PAGE
EVENT_FLAGS = 2 * (EVENT_AMOUNT + EVENTS_A_PAGE)
EVENT_MERCHANT = EVENT_FLAGS + EVENTS_A_PAGE
EVENT_CARD = EVENT_MERCHANT + EVENTS_A_PAGE

CARD_EVENT_CELLS = EVENT_CARD // 2
CUSTOMER_EVENT_CELLS = CARD_EVENT_CELLS + EVENTS_A_PAGE // 2

# A page of tiles, int64: sums and maxima; uint32: hours since 1970 and counts.
TILE_SUM = 0
TILE_MAX = TILE_SUM + TILES_A_PAGE
TILE_HOUR = 2 * (TILE_MAX + TILES_A_PAGE)
TILE_N = TILE_HOUR + TILES_A_PAGE
TILE_N_DECLINED = TILE_N + TILES_A_PAGE

TILE_CELLS = (TILE_N_DECLINED + TILES_A_PAGE) // 2

# An instrument's row: the last card-present place, int64 and float64.
PLACE_TIME = 0
PLACE_SEEN = 1
LATITUDE, LONGITUDE, PRECISION = 2, 3, 4
INSTRUMENT_CELLS = 5


@cache
def kernel_specs(entity: Entity) -> NDArray[np.int64]:
    """Rows [aggregation, window ms, mask, want, includes current, column] of counts and sums."""
    rows = [
        [f.aggregation, f.window_s * 1000, f.mask, f.want, int(f.includes_current), column]
        for column, f in enumerate(INTEGERS)
        if f.entity == entity
    ]
    return np.array(rows, np.int64).reshape(-1, 6)


@cache
def scalar_columns(entity: Entity) -> NDArray[np.int64]:
    """Column of each scalar among the reals, in the kernel's order."""
    order = GEO_SCALARS if entity == "instrument" else SCALARS
    places = {f.measure: column for column, f in enumerate(REALS) if f.entity == entity}
    return np.array([places[measure] for measure in order], np.int64)
