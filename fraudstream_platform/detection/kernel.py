"""The kernel: features of each row as the state stood before it, then the row enters the state."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.detection import flags as ev
from fraudstream_platform.detection import layout as at
from fraudstream_platform.detection.accounts import Account
from fraudstream_platform.detection.catalogue import RING, TILES
from fraudstream_platform.detection.compiled import compiled
from fraudstream_platform.detection.formulas import (
    decayed,
    expected_per_hour,
    great_circle_km,
    surprise,
)
from fraudstream_platform.detection.pages import page_for
from fraudstream_platform.detection.recent import AMOUNT, ELAPSED, FLAGS, HOUR_MS, recall
from fraudstream_platform.detection.table import Arrays, find_or_insert
from fraudstream_platform.detection.windows import event_features, tile_features

# Module globals of other modules are not constants to numba, names of this one are.
ATTEMPT, CIT, APPROVED, DECLINED = ev.ATTEMPT, ev.CIT, ev.APPROVED, ev.DECLINED
REVERSAL, SPEND, FUNDS, PRESENT = ev.REVERSAL, ev.SPEND, ev.FUNDS, ev.PRESENT
ABSORBED, LAST_TIME, FIRST_TIME = at.ABSORBED, at.LAST_TIME, at.FIRST_TIME
LAST_DECLINE, DECLINE_AMOUNT, SPENDS = at.LAST_DECLINE, at.DECLINE_AMOUNT, at.SPENDS
MAX_APPROVED, RATE_TIME, RATE = at.MAX_APPROVED, at.RATE_TIME, at.RATE
LOG_MEAN, LOG_VARIANCE = at.LOG_MEAN, at.LOG_VARIANCE
EVENT_PAGES, EVENTS_A_PAGE = at.EVENT_PAGES, at.EVENTS_A_PAGE
EVENT_TIME, EVENT_AMOUNT, EVENT_FLAGS = at.EVENT_TIME, at.EVENT_AMOUNT, at.EVENT_FLAGS
EVENT_MERCHANT, EVENT_CARD = at.EVENT_MERCHANT, at.EVENT_CARD
TILE_PAGES, TILES_A_PAGE, TILE_HOUR = at.TILE_PAGES, at.TILES_A_PAGE, at.TILE_HOUR
TILE_N, TILE_N_DECLINED = at.TILE_N, at.TILE_N_DECLINED
TILE_SUM, TILE_MAX = at.TILE_SUM, at.TILE_MAX
PLACE_TIME, PLACE_SEEN = at.PLACE_TIME, at.PLACE_SEEN
LATITUDE, LONGITUDE, PRECISION = at.LATITUDE, at.LONGITUDE, at.PRECISION

GRACE_SPENDS = 5
BASELINE_WEIGHT = 0.05
VARIANCE_FLOOR = 0.05
DEFAULT_PRECISION_KM = 25.0
SHORTEST_TRIP_H = 1.0 / 60.0


@compiled
def _count_in_window(recent: NDArray[np.int64], window_ms: int) -> int:
    count = 0
    for age in range(recent.shape[0]):
        counted = recent[age, FLAGS] & (ATTEMPT | CIT) == (ATTEMPT | CIT)
        if counted and recent[age, ELAPSED] < window_ms:
            count += 1
    return count


@compiled
def _bracket(recent: NDArray[np.int64], amount: int, flags: int) -> float:
    """Highest approved by lowest funds-declined amount of the last hour, current included."""
    highest = amount if flags & SPEND and flags & CIT else 0
    lowest = amount if flags & FUNDS and flags & CIT else 0
    for age in range(recent.shape[0]):
        if recent[age, ELAPSED] >= HOUR_MS or not recent[age, FLAGS] & CIT:
            continue
        past = recent[age, AMOUNT]
        if recent[age, FLAGS] & SPEND:
            highest = max(highest, past)
        elif recent[age, FLAGS] & FUNDS:
            lowest = past if lowest == 0 else min(lowest, past)
    if highest == 0 or lowest == 0:
        return math.nan
    return highest / lowest


@compiled
def _scalar_features(
    long: NDArray[np.int64], real: NDArray[np.float64], recent: NDArray[np.int64],
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
        ten_minutes = 1 + _count_in_window(recent, HOUR_MS // 6)
        before = _count_in_window(recent, HOUR_MS)
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
    out[columns[8]] = _bracket(recent, amount, flags)


@compiled
def _absorb_event(
    numbers: NDArray[np.uint32], events: Arrays, slot: int, time: int, amount: int, flags: int,
    merchant: int, card: int,
) -> None:  # fmt: skip
    page = page_for(events, numbers, EVENT_PAGES + slot // EVENTS_A_PAGE)
    words, place = page.view(np.uint32), slot % EVENTS_A_PAGE
    page[EVENT_TIME + place] = time
    page[EVENT_AMOUNT + place] = amount
    words[EVENT_FLAGS + place] = flags
    words[EVENT_MERCHANT + place] = merchant
    if words.shape[0] > EVENT_CARD:
        words[EVENT_CARD + place] = card


@compiled
def _absorb(
    long: NDArray[np.int64], real: NDArray[np.float64], time: int, amount: int, flags: int
) -> None:
    if long[ABSORBED] == 0:
        long[FIRST_TIME], long[LAST_TIME], long[RATE_TIME] = time, time, time
    long[ABSORBED] += 1
    long[LAST_TIME] = max(long[LAST_TIME], time)
    counted = flags & (ATTEMPT | CIT) == (ATTEMPT | CIT)
    spent = flags & SPEND and flags & CIT
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
    numbers: NDArray[np.uint32], tiles: Arrays, time: int, amount: int, flags: int
) -> None:
    hour = time // HOUR_MS
    tile = hour % TILES
    page = page_for(tiles, numbers, TILE_PAGES + tile // TILES_A_PAGE)
    words, place = page.view(np.uint32), tile % TILES_A_PAGE
    held = np.int64(words[TILE_HOUR + place])
    if hour < held:
        return  # a day late or more: this tile belongs to a later day by now
    if hour > held:
        words[TILE_HOUR + place] = hour
        words[TILE_N + place] = 0
        words[TILE_N_DECLINED + place] = 0
        page[TILE_SUM + place] = 0
        page[TILE_MAX + place] = 0
    if flags & (ATTEMPT | CIT) == (ATTEMPT | CIT):
        words[TILE_N + place] += 1
        if flags & DECLINED:
            words[TILE_N_DECLINED + place] += 1
    if flags & SPEND:
        page[TILE_SUM + place] += amount
        if flags & CIT:
            page[TILE_MAX + place] = max(page[TILE_MAX + place], amount)
    elif flags & REVERSAL:
        page[TILE_SUM + place] -= amount


@compiled
def account_row(
    account: Account, key: np.uint64, specs: NDArray[np.int64], columns: NDArray[np.int64],
    time: int, amount: int, flags: int, merchant: int, card: int, warm: bool,
    scratch: NDArray[np.int64], integers: NDArray[np.int64], reals: NDArray[np.float64],
) -> None:  # fmt: skip
    """One event of a card or customer: its features, then its place in the state."""
    rows, events, tiles = account
    row = rows[4][find_or_insert(rows, key)]
    real, numbers = row.view(np.float64), row.view(np.uint32)
    recent = recall(row, events, time, scratch)
    event_features(recent, specs, amount, flags, merchant, card, integers)
    day_count = tile_features(row, tiles, specs, time, integers)
    _scalar_features(row, real, recent, columns, time, amount, flags, day_count, warm, reals)
    if flags:
        slot = row[ABSORBED] % RING
        _absorb_event(numbers, events, slot, time, amount, flags, merchant, card)
        _absorb_tile(numbers, tiles, time, amount, flags)
        _absorb(row, real, time, amount, flags)
    elif row[ABSORBED] == 0:
        row[LAST_TIME] = max(row[LAST_TIME], time)


@compiled
def place_row(
    table: Arrays, key: np.uint64, columns: NDArray[np.int64], time: int,
    latitude: float, longitude: float, precision: float, reals: NDArray[np.float64],
) -> None:  # fmt: skip
    """One card-present event of an instrument: how far and how fast since the last."""
    long = table[4][find_or_insert(table, key)]
    real = long.view(np.float64)
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
