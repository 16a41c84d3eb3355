"""The kernel: features of each row as the state stood before it, then the row enters the state."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.compiled import compiled
from fraudstream_platform.detection import flags as ev
from fraudstream_platform.detection import layout as at
from fraudstream_platform.detection.accounts import Account
from fraudstream_platform.detection.catalogue import HOURS
from fraudstream_platform.detection.credit import credit_features, utilisation_of
from fraudstream_platform.detection.days import Month, absorb_day, last_credit, last_month
from fraudstream_platform.detection.formulas import decayed, expected_per_hour, surprise
from fraudstream_platform.detection.habits import habit_features
from fraudstream_platform.detection.hours import Day, absorb_hour, last_day
from fraudstream_platform.detection.measures import SCALARS, TALLIES
from fraudstream_platform.detection.now import Now
from fraudstream_platform.detection.recent import (
    AMOUNT,
    ELAPSED,
    FLAGS,
    HOUR_MS,
    count_in_window,
    recall,
    remember,
)
from fraudstream_platform.detection.table import Arrays, find_or_insert
from fraudstream_platform.detection.windows import event_features

# Module globals of other modules are not constants to numba, names of this one are.
ATTEMPT, CIT, DECLINED, COUNTED = ev.ATTEMPT, ev.CIT, ev.DECLINED, ev.COUNTED
SPEND, FUNDS = ev.SPEND, ev.FUNDS
ABSORBED, LAST_TIME, FIRST_TIME = at.ABSORBED, at.LAST_TIME, at.FIRST_TIME
LAST_DECLINE, DECLINE_AMOUNT, SPENDS = at.LAST_DECLINE, at.DECLINE_AMOUNT, at.SPENDS
MAX_APPROVED, RATE_TIME, RATE = at.MAX_APPROVED, at.RATE_TIME, at.RATE
LOG_MEAN, LOG_VARIANCE, LOG_GAP, GAPS = at.LOG_MEAN, at.LOG_VARIANCE, at.LOG_GAP, at.GAPS

(
    N_24H, DECLINES_24H, HARD_24H, SMALL_APPROVED_24H, SUM_24H, MAX_APPROVED_24H,
    N_7D, N_30D, SUM_7D, SUM_30D,
) = range(len(TALLIES))  # fmt: skip
(
    SINCE_LAST_S, SINCE_DECLINE_S, LAST_DECLINE_MINOR, EXPECTED_PER_HOUR, VELOCITY_TAIL_10M,
    VELOCITY_TAIL_1H, Z_LOG_AMOUNT, RATIO_TO_MAX, BRACKET_RATIO_1H, DECLINE_SHARE_24H,
    MEDIAN_GAP_S, GAP_RATIO, RATIO_TO_MAX_30D,
) = range(len(SCALARS))  # fmt: skip

GRACE_SPENDS = 5
GRACE_GAPS = 5
BASELINE_WEIGHT = 0.05
GAP_STEP = 0.1
VARIANCE_FLOOR = 0.05


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
def _tile_features(
    day: Day, month: Month, tallies: NDArray[np.int64], integers: NDArray[np.int64]
) -> None:
    integers[tallies[N_24H]] = day.n
    integers[tallies[DECLINES_24H]] = day.declined
    integers[tallies[HARD_24H]] = day.hard
    integers[tallies[SMALL_APPROVED_24H]] = day.small
    integers[tallies[SUM_24H]] = day.total
    integers[tallies[MAX_APPROVED_24H]] = day.highest
    integers[tallies[N_7D]] = month.n_week
    integers[tallies[N_30D]] = month.n
    integers[tallies[SUM_7D]] = month.total_week
    integers[tallies[SUM_30D]] = month.total


@compiled
def _velocity_features(
    row: NDArray[np.int64], recent: NDArray[np.int64], day: Day, now: Now, warm: bool,
    scalars: NDArray[np.int64], out: NDArray[np.float64],
) -> None:  # fmt: skip
    weighted, age = 0.0, 0
    if row[ABSORBED] > 0:
        weighted = decayed(row.view(np.float64)[RATE], now.time - row[RATE_TIME])
        age = now.time - row[FIRST_TIME]
    per_hour = expected_per_hour(weighted, age)
    out[scalars[EXPECTED_PER_HOUR]] = per_hour
    ten_minutes, hour, pace = 0, 0, per_hour
    if now.flags & (ATTEMPT | CIT) == (ATTEMPT | CIT):
        ten_minutes = 1 + count_in_window(recent, HOUR_MS // 6, ATTEMPT | CIT)
        before = count_in_window(recent, HOUR_MS, ATTEMPT | CIT)
        if warm or age > HOUR_MS:
            hour = 1 + before
        if age > HOUR_MS:
            day_hours = min(age, HOURS * HOUR_MS) / HOUR_MS - 1.0
            pace = max(per_hour, (day.n - before + 1) / day_hours)
    out[scalars[VELOCITY_TAIL_10M]] = surprise(ten_minutes, per_hour / 6.0)
    out[scalars[VELOCITY_TAIL_1H]] = surprise(hour, pace)


@compiled
def _scalar_features(
    row: NDArray[np.int64], day: Day, month: Month, now: Now, scalars: NDArray[np.int64],
    out: NDArray[np.float64],
) -> None:  # fmt: skip
    real = row.view(np.float64)
    if row[ABSORBED] > 0:
        out[scalars[SINCE_LAST_S]] = max(0, now.time - row[LAST_TIME]) / 1000.0
    if row[LAST_DECLINE] > 0:
        out[scalars[SINCE_DECLINE_S]] = max(0, now.time - row[LAST_DECLINE]) / 1000.0
        out[scalars[LAST_DECLINE_MINOR]] = row[DECLINE_AMOUNT]
    if row[SPENDS] >= GRACE_SPENDS:
        spread = math.sqrt(real[LOG_VARIANCE] + VARIANCE_FLOOR)
        out[scalars[Z_LOG_AMOUNT]] = (math.log(1.0 + now.amount) - real[LOG_MEAN]) / spread
    if row[MAX_APPROVED] > 0:
        out[scalars[RATIO_TO_MAX]] = now.amount / row[MAX_APPROVED]
    if month.highest > 0:
        out[scalars[RATIO_TO_MAX_30D]] = now.amount / month.highest
    if day.n > 0:
        out[scalars[DECLINE_SHARE_24H]] = day.declined / day.n
    if row[GAPS] >= GRACE_GAPS:
        median = math.exp(real[LOG_GAP])
        out[scalars[MEDIAN_GAP_S]] = median - 1.0
        out[scalars[GAP_RATIO]] = (1.0 + max(0, now.time - row[RATE_TIME]) / 1000.0) / median


@compiled
def _absorb_gap(row: NDArray[np.int64], real: NDArray[np.float64], elapsed_ms: int) -> None:
    """One gap between attempts moves the median's estimate one step towards it."""
    row[GAPS] += 1
    gap = math.log(1.0 + max(0, elapsed_ms) / 1000.0)
    if row[GAPS] == 1:
        real[LOG_GAP] = gap
    elif gap != real[LOG_GAP]:
        step = max(GAP_STEP, 1.0 / row[GAPS])
        real[LOG_GAP] = max(0.0, real[LOG_GAP] + (step if gap > real[LOG_GAP] else -step))


@compiled
def _absorb(row: NDArray[np.int64], now: Now) -> None:
    real, time, amount = row.view(np.float64), now.time, now.amount
    if row[ABSORBED] == 0:
        row[FIRST_TIME], row[LAST_TIME], row[RATE_TIME] = time, time, time
    row[ABSORBED] += 1
    row[LAST_TIME] = max(row[LAST_TIME], time)
    if now.flags & (ATTEMPT | CIT) == (ATTEMPT | CIT):
        if real[RATE] > 0.0:
            _absorb_gap(row, real, time - row[RATE_TIME])
        real[RATE] = decayed(real[RATE], time - row[RATE_TIME]) + 1.0
        row[RATE_TIME] = max(row[RATE_TIME], time)
        if now.flags & DECLINED:
            row[LAST_DECLINE] = max(row[LAST_DECLINE], time)
            row[DECLINE_AMOUNT] = amount
    if now.flags & SPEND and now.flags & CIT:
        row[MAX_APPROVED] = max(row[MAX_APPROVED], amount)
        row[SPENDS] += 1
        weight = max(BASELINE_WEIGHT, 1.0 / row[SPENDS])
        difference = math.log(1.0 + amount) - real[LOG_MEAN]
        real[LOG_MEAN] += weight * difference
        real[LOG_VARIANCE] = (1.0 - weight) * (
            real[LOG_VARIANCE] + weight * difference * difference
        )


@compiled
def _account_row(
    account: Account, key: np.uint64, columns: Arrays, now: Now, warm: bool,
    scratch: NDArray[np.int64], integers: NDArray[np.int64], reals: NDArray[np.float64],
) -> Any:  # fmt: skip
    """What cards and customers have in common: features only; the row, its newest events and month."""
    rows, events, hours, days = account
    specs, tallies, scalars = columns
    row = rows[4][find_or_insert(rows, key)]
    if row[ABSORBED] == 0 and now.flags & COUNTED:
        row[LAST_TIME] = now.time  # what nothing counts may have come before, and be newer
    recent = recall(row, events, now.time, scratch)
    day, month = last_day(row, hours, now.time), last_month(row, days, now.time)
    event_features(recent, specs, now, integers)
    _tile_features(day, month, tallies, integers)
    _velocity_features(row, recent, day, now, warm, scalars, reals)
    _scalar_features(row, day, month, now, scalars, reals)
    reals[scalars[BRACKET_RATIO_1H]] = _bracket(recent, now.amount, now.flags)
    return row, recent, month


@compiled
def _remember_row(
    account: Account, row: NDArray[np.int64], now: Now, utilisation: float, marks: int
) -> None:  # fmt: skip
    _, events, hours, days = account
    if now.flags & COUNTED:
        remember(row, events, now, marks)
        absorb_hour(row, hours, now)
        absorb_day(row, days, now, utilisation)
        _absorb(row, now)
    elif row[ABSORBED] == 0:
        row[LAST_TIME] = max(row[LAST_TIME], now.time)


@compiled
def card_row(
    account: Account, key: np.uint64, columns: Arrays, now: Now, warm: bool,
    scratch: NDArray[np.int64], integers: NDArray[np.int64], reals: NDArray[np.float64],
) -> None:  # fmt: skip
    """One event of a card: its features, then its place in the state."""
    row, _, month = _account_row(account, key, columns, now, warm, scratch, integers, reals)
    used = utilisation_of(now)
    credit = last_credit(row, account[3], now.time)
    credit_features(row, month, credit, now, used, columns[1], columns[2], integers, reals)
    _remember_row(account, row, now, used, 0)


@compiled
def customer_row(
    account: Account, key: np.uint64, columns: Arrays, now: Now, warm: bool,
    scratch: NDArray[np.int64], integers: NDArray[np.int64], reals: NDArray[np.float64],
) -> None:  # fmt: skip
    """One event of a customer: its features, then its place in the state."""
    row, recent, _ = _account_row(account, key, columns, now, warm, scratch, integers, reals)
    marks = habit_features(row, recent, now, columns[1], columns[2], integers, reals)
    _remember_row(account, row, now, math.nan, marks)
