"""Where an instrument, the card or the wallet that stands for it, was last present, and how fast."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.compiled import compiled
from fraudstream_platform.detection import layout as at
from fraudstream_platform.detection.formulas import great_circle_km
from fraudstream_platform.detection.now import Now
from fraudstream_platform.detection.table import Arrays, find_or_insert

PLACE_TIME, PLACE_SEEN = at.PLACE_TIME, at.PLACE_SEEN
LATITUDE, LONGITUDE, PRECISION = at.LATITUDE, at.LONGITUDE, at.PRECISION
DEFAULT_PRECISION_KM = 25.0
SHORTEST_TRIP_H = 1.0 / 60.0


@compiled
def place_row(
    table: Arrays, key: np.uint64, columns: NDArray[np.int64], now: Now,
    reals: NDArray[np.float64],
) -> None:  # fmt: skip
    """One card-present event of an instrument: how far and how fast since the last."""
    long = table[4][find_or_insert(table, key)]
    real = long.view(np.float64)
    precision = DEFAULT_PRECISION_KM if math.isnan(now.precision) else now.precision
    known = long[PLACE_SEEN] > 0
    if known:
        distance = great_circle_km(real[LATITUDE], real[LONGITUDE], now.latitude, now.longitude)
        net = max(0.0, distance - real[PRECISION] - precision)
        hours = abs(now.time - long[PLACE_TIME]) / 3_600_000.0
        reals[columns[0]] = distance
        reals[columns[1]] = net
        reals[columns[2]] = net / max(hours, SHORTEST_TRIP_H)
        reals[columns[3]] = hours
    if not known or now.time >= long[PLACE_TIME]:
        long[PLACE_TIME] = now.time
        real[LATITUDE], real[LONGITUDE], real[PRECISION] = now.latitude, now.longitude, precision
    long[PLACE_SEEN] = max(long[PLACE_SEEN], now.time)
