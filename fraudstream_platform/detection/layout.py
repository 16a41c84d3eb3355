"""Where each value stands in an entity's rows of the state, and the declaration as kernel tables."""

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
from fraudstream_platform.detection.table import Widths

# int64: times in ms, amounts in minor units.
RING_TIME = 0
RING_AMOUNT = RING_TIME + RING
TILE_SUM_AT = RING_AMOUNT + RING
TILE_MAX_AT = TILE_SUM_AT + TILES
ABSORBED = TILE_MAX_AT + TILES
LAST_TIME = ABSORBED + 1
FIRST_TIME = ABSORBED + 2
LAST_DECLINE = ABSORBED + 3
DECLINE_AMOUNT = ABSORBED + 4
MAX_APPROVED = ABSORBED + 5
RATE_TIME = ABSORBED + 6
SPENDS = ABSORBED + 7
LONGS = ABSORBED + 8

# float64
RATE = 0
LOG_MEAN = 1
LOG_VARIANCE = 2
DOUBLES = 3

# uint32: hours since 1970, counts, shortened hashes. The customer's rows have one ring more.
TILE_HOUR = 0
TILE_N = TILE_HOUR + TILES
TILE_N_DECLINED = TILE_N + TILES
RING_MERCHANT = TILE_N_DECLINED + TILES
RING_CARD = RING_MERCHANT + RING

CARD_WIDTHS = Widths(LONGS, DOUBLES, RING_CARD, RING, LAST_TIME)
CUSTOMER_WIDTHS = Widths(LONGS, DOUBLES, RING_CARD + RING, RING, LAST_TIME)

# Instruments: the last card-present place.
PLACE_TIME = 0
PLACE_SEEN = 1
LATITUDE, LONGITUDE, PRECISION = 0, 1, 2
INSTRUMENT_WIDTHS = Widths(2, 3, 0, 0, PLACE_SEEN)


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
