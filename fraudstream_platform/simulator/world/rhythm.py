"""When people buy: hour of the day, day of the week, day since pay."""

from __future__ import annotations

from bisect import bisect
from datetime import date
from itertools import accumulate

from fraudstream_platform.simulator.merchants import Merchant

DAY_MS = 86_400_000
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_SATURDAY = 5

_WEEKDAY = (0.95, 0.9, 0.95, 1.0, 1.15, 1.3, 0.75)
"""Outings of Monday .. Sunday against the week's mean."""


class Profile:
    """A distribution over the local hours of a day."""

    def __init__(self, hourly: tuple[float, ...]) -> None:
        self._hourly = hourly
        self._cumulative = list(accumulate(hourly))

    def hour(self, draw: float) -> float:
        """Local hour in [0, 24) at `draw` in [0, 1) of the distribution."""
        wanted = draw * self._cumulative[-1]
        place = bisect(self._cumulative, wanted)
        return place + 1 - (self._cumulative[place] - wanted) / self._hourly[place]


WORKDAY = Profile(
    (0.2, 0.1, 0.1, 0.1, 0.2, 0.5, 1.5, 4, 5, 4, 4, 5, 8, 7, 4, 4, 6, 9, 9, 7, 5, 3, 1.5, 0.6)
)
WEEKEND = Profile((0.8, 0.5, 0.3, 0.1, 0.1, 0.2, 0.5, 1, 3, 6, 9, 10, 9, 8, 8, 8, 8, 7, 6, 6, 5, 4, 3, 2))  # fmt: skip
ONLINE = Profile((1.5, 0.8, 0.4, 0.3, 0.3, 0.4, 1, 2, 3, 4, 4, 4, 5, 4, 4, 4, 4, 5, 6, 8, 10, 10, 7, 4))  # fmt: skip


def weekday(day: int) -> int:
    """0 for Monday .. 6 for Sunday of an epoch day."""
    return (day + 3) % 7


def in_store_profile(day: int) -> Profile:
    """Hours at which people stand in shops on an epoch day."""
    return WEEKEND if weekday(day) >= _SATURDAY else WORKDAY


def day_of_month(day: int) -> int:
    """1 .. 31 of an epoch day."""
    return date.fromordinal(_EPOCH_ORDINAL + day).day


def week_factor(day: int) -> float:
    """Outings of that day against the week's mean."""
    return _WEEKDAY[weekday(day)]


def pay_factor(day: int, pay_day: int) -> float:
    """Spending after pay against the month's mean: a quarter more, then less and less."""
    since = (day_of_month(day) - pay_day) % 30
    return 1.25 if since < 5 else 1.0 if since < 20 else 0.85


def utc_ms(day: int, local_hour: float, utc_offset_min: int) -> int:
    """Epoch ms in the UTC day `day` at which clocks of the offset show `local_hour`."""
    return day * DAY_MS + int(local_hour * 3_600_000 - utc_offset_min * 60_000) % DAY_MS


def is_open(merchant: Merchant, local_hour: float) -> bool:
    """Whether the merchant sells at that local hour."""
    return merchant.opens == merchant.closes or merchant.opens <= local_hour < merchant.closes
