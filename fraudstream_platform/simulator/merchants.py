"""Merchants: category, place, heavy-tailed popularity, terminals."""

from __future__ import annotations

import bisect
import random
from itertools import accumulate
from typing import NamedTuple

from fraudstream_platform.simulator.places import CATEGORIES, CITIES, Category, City
from fraudstream_platform.simulator.record import Values

_KM_PER_DEGREE = 111.2
_CITY_RADIUS_KM = 6.0
_POPULARITY_TAIL = 1.3  # Pareto exponent: a few merchants see most customers
_OPEN_ALL_DAY = frozenset({"online", "subscription", "atm", "small", "fuel"})


class Merchant(NamedTuple):
    """A merchant; each entry of `runs` is one terminal's contract fields."""

    merchant_id: str
    category: Category
    city: City
    runs: tuple[Values, ...]
    opens: int
    closes: int
    """Local hours; equal where it never closes."""


class Shelf:
    """Merchants of one place and kind, drawn by popularity."""

    def __init__(self, merchants: list[Merchant], weights: list[float]) -> None:
        self.merchants = merchants
        self._cumulative = list(accumulate(weights))

    def pick(self, draw: float) -> Merchant:
        """The merchant at `draw` in [0, 1) of the popularity."""
        return self.merchants[bisect.bisect(self._cumulative, draw * self._cumulative[-1])]


class Merchants:
    """All merchants, on shelves by (place kind, city name); online ones stand under ''."""

    def __init__(self, seed: int, count: int = 4_000, prefix: str = "M") -> None:
        rng = random.Random(f"merchants/{seed}")  # nosec B311
        per_city = max(1, count // len(CITIES))
        stock: dict[tuple[str, str], tuple[list[Merchant], list[float]]] = {}
        stocked = [(city, kind) for city in CITIES for kind in _assortment(rng, per_city)]
        # In no order: a merchant's number must not tell its city or kind.
        numbers = rng.sample(range(len(stocked)), len(stocked))
        for number, (city, category) in zip(numbers, stocked, strict=True):
            remote = category.place in ("online", "subscription")
            merchant = _merchant(rng, f"{prefix}{number:06d}", category, city)
            shelf = stock.setdefault((category.place, "" if remote else city.name), ([], []))
            shelf[0].append(merchant)
            shelf[1].append(rng.paretovariate(_POPULARITY_TAIL) * category.share)
        self._shelves = {key: Shelf(*shelf) for key, shelf in stock.items()}
        self.count = len(stocked)

    def shelf(self, place: str, city: City | None = None) -> Shelf:
        """Merchants of a place kind in a city (none for online and subscription)."""
        return self._shelves[(place, city.name if city else "")]


def _assortment(rng: random.Random, count: int) -> list[Category]:
    """Every kind at least once, the rest by share."""
    weights = [category.share for category in CATEGORIES]
    drawn = rng.choices(CATEGORIES, weights, k=max(0, count - len(CATEGORIES)))
    return [*CATEGORIES, *drawn]


def _merchant(rng: random.Random, name: str, category: Category, city: City) -> Merchant:
    group = f"G{rng.randrange(200):04d}" if rng.random() < 0.25 else None
    acquirer = f"AQ{rng.randrange(12):02d}"
    fixed = (category.mcc, city.country)
    open_all_day = category.place in _OPEN_ALL_DAY
    opens, closes = (0, 0) if open_all_day else (rng.randint(6, 10), rng.randint(18, 23))
    if category.place in ("online", "subscription"):
        runs: tuple[Values, ...] = ((name, group, acquirer, None, *fixed, None, None, None),)
        return Merchant(name, category, city, runs, opens, closes)
    terminals = min(12, int(rng.paretovariate(1.2)))
    point = _point(rng, city)
    runs = tuple(
        (name, group, acquirer, f"T{name}{terminal:02d}", *fixed, *point)
        for terminal in range(terminals)
    )
    return Merchant(name, category, city, runs, opens, closes)


def _point(rng: random.Random, city: City) -> Values:
    """Latitude, longitude, precision (km): exact, a city's centre, or missing."""
    kind = rng.random()
    if kind < 0.04:
        return (None, None, None)
    if kind < 0.12:
        return (city.latitude, city.longitude, 15.0)
    north, east = (rng.uniform(-_CITY_RADIUS_KM, _CITY_RADIUS_KM) for _ in range(2))
    return (
        round(city.latitude + north / _KM_PER_DEGREE, 5),
        round(city.longitude + east / _KM_PER_DEGREE, 5),
        0.1,
    )
