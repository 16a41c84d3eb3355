"""The kernel: features of each row as the state stood before it, then the row enters the state."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.detection import events as ev
from fraudstream_platform.detection import layout as at
from fraudstream_platform.detection.catalogue import RING, TILES
from fraudstream_platform.detection.compiled import compiled
from fraudstream_platform.detection.formulas import (
    decayed,
    expected_per_hour,
    great_circle_km,
    surprise,
)
from fraudstream_platform.detection.table import Arrays, find_or_insert
from fraudstream_platform.detection.windows import HOUR_MS, ring_features, tile_features

# Module globals of other modules are not constants to numba, names of this one are.
ATTEMPT, CIT, APPROVED, DECLINED = ev.ATTEMPT, ev.CIT, ev.APPROVED, ev.DECLINED
REVERSAL, SPEND, FUNDS, PRESENT = ev.REVERSAL, ev.SPEND, ev.FUNDS, ev.PRESENT
RING_TIME, RING_AMOUNT, RING_MERCHANT = at.RING_TIME, at.RING_AMOUNT, at.RING_MERCHANT
RING_CARD, ABSORBED, LAST_TIME, FIRST_TIME = at.RING_CARD, at.ABSORBED, at.LAST_TIME, at.FIRST_TIME
LAST_DECLINE, DECLINE_AMOUNT, SPENDS = at.LAST_DECLINE, at.DECLINE_AMOUNT, at.SPENDS
MAX_APPROVED, RATE_TIME, RATE = at.MAX_APPROVED, at.RATE_TIME, at.RATE
LOG_MEAN, LOG_VARIANCE = at.LOG_MEAN, at.LOG_VARIANCE
TILE_HOUR, TILE_N, TILE_N_DECLINED = at.TILE_HOUR, at.TILE_N, at.TILE_N_DECLINED
TILE_SUM_AT, TILE_MAX_AT = at.TILE_SUM_AT, at.TILE_MAX_AT
PLACE_TIME, PLACE_SEEN = at.PLACE_TIME, at.PLACE_SEEN
LATITUDE, LONGITUDE, PRECISION = at.LATITUDE, at.LONGITUDE, at.PRECISION

GRACE_SPENDS = 5
BASELINE_WEIGHT = 0.05
VARIANCE_FLOOR = 0.05
DEFAULT_PRECISION_KM = 25.0
SHORTEST_TRIP_H = 1.0 / 60.0


@compiled
def _count_in_window(
    long: NDArray[np.int64], flag: NDArray[np.uint16], time: int, window_ms: int
) -> int:
    count = 0
    for slot in range(min(long[ABSORBED], RING)):
        elapsed = time - long[RING_TIME + slot]
        if 0 <= elapsed < window_ms and flag[slot] & (ATTEMPT | CIT) == (ATTEMPT | CIT):
            count += 1
    return count


@compiled
def _bracket(
    long: NDArray[np.int64], flag: NDArray[np.uint16], time: int, amount: int, flags: int
) -> float:
    """Highest approved by lowest funds-declined amount of the last hour, current included."""
    highest = amount if flags & SPEND and flags & CIT else 0
    lowest = amount if flags & FUNDS and flags & CIT else 0
    for slot in range(min(long[ABSORBED], RING)):
        elapsed = time - long[RING_TIME + slot]
        if elapsed < 0 or elapsed >= HOUR_MS or not flag[slot] & CIT:
            continue
        past = long[RING_AMOUNT + slot]
        if flag[slot] & SPEND:
            highest = max(highest, past)
        elif flag[slot] & FUNDS:
            lowest = past if lowest == 0 else min(lowest, past)
    if highest == 0 or lowest == 0:
        return math.nan
    return highest / lowest


@compiled
def _scalar_features(
    long: NDArray[np.int64], real: NDArray[np.float64], flag: NDArray[np.uint16],
    columns: NDArray[np.int64], time: int, amount: int, flags: int, day_count: int,
    warm: bool, out: NDArray[np.float64],
) -> None:  # fmt: skip
    if long[ABSORBED] > 0:
        out[columns[0]] = max(0, time - long[LAST_TIME]) / 1000.0
    if long[LAST_DECLINE] > 0:
        out[columns[1]] = max(0, time - long[LAST_DECLINE]) / 1000.0
        out[columns[2]] = long[DECLINE_AMOUNT]
    weighted, age = 0.0, 0
    if long[ABSORBED] > 0:
        weighted = decayed(real[RATE], time - long[RATE_TIME])
        age = time - long[FIRST_TIME]
    per_hour = expected_per_hour(weighted, age)
    out[columns[3]] = per_hour
    counted = flags & (ATTEMPT | CIT) == (ATTEMPT | CIT)
    ten_minutes, hour, pace = 0, 0, per_hour
    if counted:
        ten_minutes = 1 + _count_in_window(long, flag, time, HOUR_MS // 6)
        before = _count_in_window(long, flag, time, HOUR_MS)
        if warm or age > HOUR_MS:
            hour = 1 + before
        if age > HOUR_MS:
            day_hours = min(age, TILES * HOUR_MS) / HOUR_MS - 1.0
            pace = max(per_hour, (day_count - before + 1) / day_hours)
    out[columns[4]] = surprise(ten_minutes, per_hour / 6.0)
    out[columns[5]] = surprise(hour, pace)
    if long[SPENDS] >= GRACE_SPENDS:
        spread = math.sqrt(real[LOG_VARIANCE] + VARIANCE_FLOOR)
        out[columns[6]] = (math.log(1.0 + amount) - real[LOG_MEAN]) / spread
    if long[MAX_APPROVED] > 0:
        out[columns[7]] = amount / long[MAX_APPROVED]
    out[columns[8]] = _bracket(long, flag, time, amount, flags)


@compiled
def _absorb(
    long: NDArray[np.int64], real: NDArray[np.float64], word: NDArray[np.uint32],
    flag: NDArray[np.uint16], time: int, amount: int, flags: int, merchant: int, card: int,
) -> None:  # fmt: skip
    if long[ABSORBED] == 0:
        long[FIRST_TIME], long[LAST_TIME], long[RATE_TIME] = time, time, time
    slot = long[ABSORBED] % RING
    long[ABSORBED] += 1
    long[RING_TIME + slot] = time
    long[RING_AMOUNT + slot] = amount
    flag[slot] = flags
    word[RING_MERCHANT + slot] = merchant
    if word.shape[0] > RING_CARD:
        word[RING_CARD + slot] = card
    long[LAST_TIME] = max(long[LAST_TIME], time)
    counted = flags & (ATTEMPT | CIT) == (ATTEMPT | CIT)
    spent = flags & SPEND and flags & CIT
    _absorb_tile(long, word, time, amount, flags, counted)
    if counted:
        real[RATE] = decayed(real[RATE], time - long[RATE_TIME]) + 1.0
        long[RATE_TIME] = max(long[RATE_TIME], time)
        if flags & DECLINED:
            long[LAST_DECLINE] = max(long[LAST_DECLINE], time)
            long[DECLINE_AMOUNT] = amount
    if spent:
        long[MAX_APPROVED] = max(long[MAX_APPROVED], amount)
        long[SPENDS] += 1
        weight = max(BASELINE_WEIGHT, 1.0 / long[SPENDS])
        difference = math.log(1.0 + amount) - real[LOG_MEAN]
        real[LOG_MEAN] += weight * difference
        real[LOG_VARIANCE] = (1.0 - weight) * (
            real[LOG_VARIANCE] + weight * difference * difference
        )


@compiled
def _absorb_tile(
    long: NDArray[np.int64], word: NDArray[np.uint32], time: int, amount: int, flags: int,
    counted: bool,
) -> None:  # fmt: skip
    hour = time // HOUR_MS
    tile = hour % TILES
    held = np.int64(word[TILE_HOUR + tile])
    if hour < held:
        return  # a day late or more: this tile belongs to a later day by now
    if hour > held:
        word[TILE_HOUR + tile] = hour
        word[TILE_N + tile] = 0
        word[TILE_N_DECLINED + tile] = 0
        long[TILE_SUM_AT + tile] = 0
        long[TILE_MAX_AT + tile] = 0
    if counted:
        word[TILE_N + tile] += 1
        if flags & DECLINED:
            word[TILE_N_DECLINED + tile] += 1
    if flags & SPEND:
        long[TILE_SUM_AT + tile] += amount
        if flags & CIT:
            long[TILE_MAX_AT + tile] = max(long[TILE_MAX_AT + tile], amount)
    elif flags & REVERSAL:
        long[TILE_SUM_AT + tile] -= amount


@compiled
def account_row(
    table: Arrays, key: np.uint64, specs: NDArray[np.int64], columns: NDArray[np.int64],
    time: int, amount: int, flags: int, merchant: int, card: int,
    warm: bool, integers: NDArray[np.int64], reals: NDArray[np.float64],
) -> None:  # fmt: skip
    """One event of a card or customer: its features, then its place in the state."""
    entity = find_or_insert(table, key)
    long, real, word, flag = (
        table[4][entity],
        table[5][entity],
        table[6][entity],
        table[7][entity],
    )
    ring_features(long, word, flag, specs, time, amount, flags, merchant, card, integers)
    day_count = tile_features(long, word, specs, time, integers)
    _scalar_features(long, real, flag, columns, time, amount, flags, day_count, warm, reals)
    if flags:
        _absorb(long, real, word, flag, time, amount, flags, merchant, card)
    elif long[ABSORBED] == 0:
        long[LAST_TIME] = max(long[LAST_TIME], time)


@compiled
def place_row(
    table: Arrays, key: np.uint64, columns: NDArray[np.int64], time: int,
    latitude: float, longitude: float, precision: float, reals: NDArray[np.float64],
) -> None:  # fmt: skip
    """One card-present event of an instrument: how far and how fast since the last."""
    entity = find_or_insert(table, key)
    long, real = table[4][entity], table[5][entity]
    if math.isnan(precision):
        precision = DEFAULT_PRECISION_KM
    known = long[PLACE_SEEN] > 0
    if known:
        distance = great_circle_km(real[LATITUDE], real[LONGITUDE], latitude, longitude)
        net = max(0.0, distance - real[PRECISION] - precision)
        hours = abs(time - long[PLACE_TIME]) / 3_600_000.0
        reals[columns[0]] = distance
        reals[columns[1]] = net
        reals[columns[2]] = net / max(hours, SHORTEST_TRIP_H)
        reals[columns[3]] = hours
    if not known or time >= long[PLACE_TIME]:
        long[PLACE_TIME] = time
        real[LATITUDE], real[LONGITUDE], real[PRECISION] = latitude, longitude, precision
    long[PLACE_SEEN] = max(long[PLACE_SEEN], time)
