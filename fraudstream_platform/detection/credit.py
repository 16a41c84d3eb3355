"""What only cards have: a credit limit, cash, payments that come back, a usual daily spend."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.compiled import compiled
from fraudstream_platform.detection import flags as ev
from fraudstream_platform.detection import layout as at
from fraudstream_platform.detection.days import USED_STEPS, WEEK, Credit, Month
from fraudstream_platform.detection.formulas import DAY_MS
from fraudstream_platform.detection.measures import CARD_SCALARS, SCALARS, TALLIES
from fraudstream_platform.detection.now import Now
from fraudstream_platform.detection.recent import HOUR_MS

SPEND, REVERSAL, PAYMENT_RETURN, COUNTED = ev.SPEND, ev.REVERSAL, ev.PAYMENT_RETURN, ev.COUNTED
OPEN_DAY, OPEN_SPEND, CLOSED_DAYS = at.OPEN_DAY, at.OPEN_SPEND, at.CLOSED_DAYS
USUAL_SPEND, DRIFT = at.USUAL_SPEND, at.DRIFT
RETURN_HOURS, RETURNS = at.RETURN_HOURS, at.RETURNS

CASH_N_7D = len(TALLIES)
RETURNED_PAYMENTS_30D = CASH_N_7D + 1
UTILISATION = len(SCALARS)
(
    UTILISATION_CHANGE_7D, UTILISATION_CHANGE_30D, SPEND_7D_OVER_90D, CASH_SHARE_30D, PAGE_HINKLEY
) = range(UTILISATION + 1, UTILISATION + len(CARD_SCALARS))  # fmt: skip

LEAST_WEIGHT = 1.0 / 45.0
LEAST_USUAL = 500.0
SILENT_DAYS = 60
"""Days without spend that count one by one when a card comes back."""
GRACE_RATIO = 14
GRACE_DRIFT = 10
ALLOWED, MOST = 1.5, 10.0
MONTH_HOURS = 30 * 24


@compiled
def utilisation_of(now: Now) -> float:
    """Used share of the credit limit once this event is through; NaN where it is unknown."""
    if math.isnan(now.open_to_buy) or not now.credit_limit > 0:
        return math.nan
    left = now.open_to_buy - (now.amount if now.flags & SPEND else 0)
    share: float = 1.0 - left / now.credit_limit
    return share


@compiled
def _close_days(row: NDArray[np.int64], real: NDArray[np.float64], day: int) -> None:
    """Close the open day and the silent ones up to `day`, which is open then."""
    spend = max(0, row[OPEN_SPEND])
    for _ in range(min(day - row[OPEN_DAY], SILENT_DAYS)):
        if row[CLOSED_DAYS] >= GRACE_DRIFT:
            days = min(spend / max(real[USUAL_SPEND], LEAST_USUAL), MOST)
            real[DRIFT] = max(0.0, real[DRIFT] + days - ALLOWED)
        row[CLOSED_DAYS] += 1
        weight = max(LEAST_WEIGHT, 1.0 / row[CLOSED_DAYS])
        real[USUAL_SPEND] += weight * (spend - real[USUAL_SPEND])
        spend = 0
    row[OPEN_DAY], row[OPEN_SPEND] = day, 0


@compiled
def _spend_features(
    row: NDArray[np.int64], month: Month, now: Now, scalars: NDArray[np.int64],
    reals: NDArray[np.float64],
) -> None:  # fmt: skip
    """The event's spend against usual days; it then belongs to the open day."""
    real, day = row.view(np.float64), now.time // DAY_MS
    if row[OPEN_DAY] == 0:
        row[OPEN_DAY] = day
    elif day > row[OPEN_DAY]:
        _close_days(row, real, day)
    own = now.amount if now.flags & SPEND else 0
    usual = max(real[USUAL_SPEND], LEAST_USUAL)
    if row[CLOSED_DAYS] >= GRACE_RATIO:
        reals[scalars[SPEND_7D_OVER_90D]] = (month.total_week + own) / (WEEK * usual)
    if row[CLOSED_DAYS] >= GRACE_DRIFT:
        days = min(max(0, row[OPEN_SPEND] + own) / usual, MOST)
        reals[scalars[PAGE_HINKLEY]] = real[DRIFT] + max(0.0, days - ALLOWED)
    row[OPEN_SPEND] += own
    if now.flags & REVERSAL:
        row[OPEN_SPEND] -= now.amount


@compiled
def _returned_payments(row: NDArray[np.int64], now: Now) -> int:
    """How many payments came back in 30 days; this one, if it is one, is remembered."""
    words, hour = row.view(np.uint32), now.time // HOUR_MS
    found, oldest = 0, RETURN_HOURS
    for place in range(RETURN_HOURS, RETURN_HOURS + RETURNS):
        if 0 <= hour - np.int64(words[place]) < MONTH_HOURS:
            found += 1
        if words[place] < words[oldest]:
            oldest = place
    if now.flags & PAYMENT_RETURN and hour > np.int64(words[oldest]):
        words[oldest] = hour
    return found


@compiled
def credit_features(
    row: NDArray[np.int64], month: Month, credit: Credit, now: Now, utilisation: float,
    tallies: NDArray[np.int64], scalars: NDArray[np.int64], integers: NDArray[np.int64], reals: NDArray[np.float64],
) -> None:  # fmt: skip
    """The card's own features, and the card's own part of the state."""
    integers[tallies[CASH_N_7D]] = credit.cash_n_week
    integers[tallies[RETURNED_PAYMENTS_30D]] = _returned_payments(row, now)
    reals[scalars[UTILISATION]] = utilisation
    if credit.used_week > 0:
        before = (credit.used_week - 1) / USED_STEPS
        reals[scalars[UTILISATION_CHANGE_7D]] = utilisation - before
    if credit.used > 0:
        reals[scalars[UTILISATION_CHANGE_30D]] = utilisation - (credit.used - 1) / USED_STEPS
    if month.total > 0:
        reals[scalars[CASH_SHARE_30D]] = credit.cash / month.total
    if now.flags & COUNTED:
        _spend_features(row, month, now, scalars, reals)
