"""What only customers have: things they are used to, a usual time of day, a home.

A thing is a merchant, a category, a country and so on. Of each kind the newest few are remembered
with the hour when each was last met; the one met longest ago makes room. The newest thing that was
not known is a newcomer, and stays one for 24 hours: an attack goes on after its first event.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.compiled import compiled
from fraudstream_platform.detection import flags as ev
from fraudstream_platform.detection import layout as at
from fraudstream_platform.detection.formulas import DAY_MS, great_circle_km
from fraudstream_platform.detection.measures import (
    CUSTOMER_TALLIES,
    KINDS,
    SCALARS,
    TALLIES,
)
from fraudstream_platform.detection.now import Now
from fraudstream_platform.detection.recent import HOUR_MS, count_in_window

ATTEMPT, CIT, PRESENT, NEW_MERCHANT = ev.ATTEMPT, ev.CIT, ev.PRESENT, ev.NEW_MERCHANT
ABSORBED, NEWCOMERS = at.ABSORBED, at.NEWCOMERS
KIND_STARTS, KIND_SIZES = at.KIND_STARTS, at.KIND_SIZES
TIMES_OF_DAY, COSINE, SINE = at.TIMES_OF_DAY, at.COSINE, at.SINE
PLACES, HOME_LATITUDE, HOME_LONGITUDE = at.PLACES, at.HOME_LATITUDE, at.HOME_LONGITUDE

_FIRST_NEW = len(SCALARS)
NEW_THINGS_24H = _FIRST_NEW + len(KINDS)
OWN_HOUR_DEVIATION, FROM_HOME_KM = NEW_THINGS_24H + 1, NEW_THINGS_24H + 2
NEW = tuple(range(_FIRST_NEW, NEW_THINGS_24H))


def _tallies_of(window: str) -> tuple[int, ...]:
    """The tally of each kind in that window, -1 where none is declared."""
    names = ("merchants", "mccs", "countries", "devices", "ips", "channels")
    order = list(CUSTOMER_TALLIES)
    return tuple(
        len(TALLIES) + order.index(f"{name}_{window}") if f"{name}_{window}" in order else -1
        for name in names
    )


NEW_MERCHANTS_1H = len(TALLIES) + list(CUSTOMER_TALLIES).index("new_merchants_1h")
MERCHANT = list(KINDS).index("merchant")
TALLY_24H, TALLY_30D = _tallies_of("24h"), _tallies_of("30d")
DAY_HOURS, MONTH_HOURS = 24, 30 * 24
THING = (1 << 32) - 1
GRACE_EVENTS = 5
GRACE_TIMES = 8
GRACE_PLACES = 5
MEAN_WEIGHT = 0.05
PULL_KM = 100.0
HOURS_A_TURN = 24.0 / (2.0 * math.pi)


@compiled
def _meet(
    row: NDArray[np.int64], kind: int, thing: int, hour: int
) -> tuple[bool, int, int]:  # fmt: skip
    """Was the thing known, how many were last met in 24 h and in 30 d; it is known from now on."""
    start, stop = KIND_STARTS[kind], KIND_STARTS[kind] + KIND_SIZES[kind]
    own, seldom = -1, start
    in_day, in_month = 0, 0
    for place in range(start, stop):
        held = row[place]
        if held & THING == thing and held != 0:
            own = place
        age = hour - (held >> 32)
        if 0 <= age < MONTH_HOURS:
            in_month += 1
            if age < DAY_HOURS:
                in_day += 1
        if held >> 32 < row[seldom] >> 32:
            seldom = place
    if thing == 0:
        return True, in_day, in_month
    known = own >= 0
    if not known:
        own = seldom
    age = hour - (row[own] >> 32)
    if 0 <= age < MONTH_HOURS:  # it is counted once, and what makes room for it not at all
        in_month -= 1
        if age < DAY_HOURS:
            in_day -= 1
    met = (hour << 32) | thing
    row[own] = max(row[own], met) if known else met
    return known, in_day + 1, in_month + 1


@compiled
def _things(
    row: NDArray[np.int64], now: Now, tallies: NDArray[np.int64], scalars: NDArray[np.int64],
    integers: NDArray[np.int64], reals: NDArray[np.float64],
) -> bool:  # fmt: skip
    """What is new, how many of each kind; whether the merchant is. All are known then."""
    hour = now.time // HOUR_MS
    things = (now.merchant, now.mcc, now.country, now.device, now.ip_net, now.channel)
    used_to_it = row[ABSORBED] >= GRACE_EVENTS
    new_things, new_merchant = 0, False
    for kind in range(len(KIND_SIZES)):
        thing = things[kind]
        known, in_day, in_month = _meet(row, kind, thing, hour)
        if TALLY_24H[kind] >= 0:
            integers[tallies[TALLY_24H[kind]]] = in_day
        if TALLY_30D[kind] >= 0:
            integers[tallies[TALLY_30D[kind]]] = in_month
        if not used_to_it:
            continue
        if not known:
            row[NEWCOMERS + kind] = (hour << 32) | thing
            new_merchant |= kind == MERCHANT
        newcomer = row[NEWCOMERS + kind]
        fresh = newcomer != 0 and 0 <= hour - (newcomer >> 32) < DAY_HOURS
        if fresh:
            new_things += 1
        if thing != 0:
            is_new = fresh and newcomer & THING == thing
            reals[scalars[NEW[kind]]] = 1.0 if is_new else 0.0
    if used_to_it:
        reals[scalars[NEW_THINGS_24H]] = new_things
    return new_merchant


@compiled
def _time_of_day(
    row: NDArray[np.int64], now: Now, scalars: NDArray[np.int64], reals: NDArray[np.float64]
) -> None:
    real = row.view(np.float64)
    local = (now.time + 60_000 * np.int64(now.utc_offset_min)) % DAY_MS
    angle = 2.0 * math.pi * local / DAY_MS
    cosine, sine = math.cos(angle), math.sin(angle)
    if row[TIMES_OF_DAY] >= GRACE_TIMES:
        across = real[COSINE] * sine - real[SINE] * cosine
        along = real[COSINE] * cosine + real[SINE] * sine
        length = math.sqrt(real[COSINE] * real[COSINE] + real[SINE] * real[SINE])
        turn = math.atan2(abs(across), along)
        reals[scalars[OWN_HOUR_DEVIATION]] = length * HOURS_A_TURN * turn
    row[TIMES_OF_DAY] += 1
    weight = max(MEAN_WEIGHT, 1.0 / row[TIMES_OF_DAY])
    real[COSINE] += weight * (cosine - real[COSINE])
    real[SINE] += weight * (sine - real[SINE])


@compiled
def _home(
    row: NDArray[np.int64], now: Now, scalars: NDArray[np.int64], reals: NDArray[np.float64]
) -> None:
    real = row.view(np.float64)
    row[PLACES] += 1
    if row[PLACES] == 1:
        real[HOME_LATITUDE], real[HOME_LONGITUDE] = now.latitude, now.longitude
        return
    far = great_circle_km(real[HOME_LATITUDE], real[HOME_LONGITUDE], now.latitude, now.longitude)
    if row[PLACES] > GRACE_PLACES:
        reals[scalars[FROM_HOME_KM]] = far
    pull = max(MEAN_WEIGHT, 1.0 / row[PLACES]) * (PULL_KM / max(far, PULL_KM))
    east = (now.longitude - real[HOME_LONGITUDE] + 540.0) % 360.0 - 180.0
    real[HOME_LATITUDE] += pull * (now.latitude - real[HOME_LATITUDE])
    real[HOME_LONGITUDE] = (real[HOME_LONGITUDE] + pull * east + 540.0) % 360.0 - 180.0


@compiled
def habit_features(
    row: NDArray[np.int64], recent: NDArray[np.int64], now: Now, tallies: NDArray[np.int64],
    scalars: NDArray[np.int64], integers: NDArray[np.int64], reals: NDArray[np.float64],
) -> int:  # fmt: skip
    """The customer's own features and part of the state; what is to be marked on the event."""
    if not now.flags & ATTEMPT:
        return 0
    new_merchant = _things(row, now, tallies, scalars, integers, reals)
    if not now.flags & CIT:
        return 0
    marks = NEW_MERCHANT if new_merchant else 0
    before = count_in_window(recent, HOUR_MS, NEW_MERCHANT)
    integers[tallies[NEW_MERCHANTS_1H]] = before + (1 if new_merchant else 0)
    if not math.isnan(now.utc_offset_min):
        _time_of_day(row, now, scalars, reals)
    placed = not (math.isnan(now.latitude) or math.isnan(now.longitude))
    if placed and now.flags & PRESENT:
        _home(row, now, scalars, reals)
    return marks
