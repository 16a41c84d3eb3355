"""Small planted worlds of Silver rows for the network patterns: ordinary life, groups, look-alikes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from fraudstream_platform.contracts.tables import SILVER_SCHEMA
from fraudstream_platform.detection.sample import sample_row, token

START = datetime(2026, 3, 2, tzinfo=UTC)
CITIES = ((52.52, 13.40, "DE"), (48.14, 11.58, "DE"), (48.86, 2.35, "FR"), (40.42, -3.70, "ES"))
MCCS = ("5411", "5812", "5814", "5912", "5651", "5732", "5499", "4111")
MEALS = ("5812", "5814")
_OLD = date(2015, 6, 1)


class World:
    """Customers who shop by popularity in their city for `days` days; rows are added to it."""

    def __init__(
        self,
        seed: int,
        customers: int = 400,
        merchants: int = 160,
        days: int = 14,
        rate: float = 2.5,
    ) -> None:
        self.rng = np.random.default_rng(seed)
        self.days, self.customers = days, customers
        self.rows: list[dict[str, Any]] = []
        self.merchants = [self.merchant(number % len(CITIES)) for number in range(merchants)]
        self.city_of = self.rng.integers(0, len(CITIES), customers)
        self.spend = np.exp(0.5 * self.rng.standard_normal(customers))
        self.opened = [_OLD + timedelta(days=int(d)) for d in self.rng.integers(0, 3600, customers)]
        self._live(rate)

    def merchant(self, city: int, **fields: Any) -> dict[str, Any]:
        """A new merchant somewhere in a city, with a popularity of its own."""
        self._made = getattr(self, "_made", 0) + 1
        latitude, longitude, country = CITIES[city]
        north, east = self.rng.uniform(-0.05, 0.05, 2)
        return {
            "merchant_id": f"M{self._made:05d}",
            "mcc": MCCS[int(self.rng.integers(len(MCCS)))],
            "merchant_country": country,
            "latitude": latitude + north,
            "longitude": longitude + east,
            "geo_precision_km": 0.1,
            "merchant_group_id": None,
            "terminal_id": f"T{self._made:05d}",
            "popularity": float(self.rng.pareto(1.3) + 1),
        } | fields

    def shops(self, city: int) -> list[dict[str, Any]]:
        """Ordinary merchants of a city."""
        return [shop for place, shop in enumerate(self.merchants) if place % len(CITIES) == city]

    def people(self, city: int) -> list[int]:
        """Customers who live in a city."""
        return np.flatnonzero(self.city_of == city).tolist()

    def moment(
        self, from_day: float, to_day: float, hours: tuple[float, float] = (8, 22)
    ) -> datetime:
        """A random moment within some days (the last one excluded) and hours of the day."""
        day = int(self.rng.integers(int(from_day), max(int(to_day), int(from_day) + 1)))
        return START + timedelta(days=day, hours=float(self.rng.uniform(*hours)))

    def pay(
        self,
        customer: int,
        merchant: dict[str, Any],
        at: datetime,
        cents: int | None = None,
        **fields: Any,
    ) -> None:
        """One approved purchase; without `cents` an ordinary amount."""
        if cents is None:
            cents = int(
                2500
                * self.spend[customer % self.customers]
                * np.exp(0.6 * self.rng.standard_normal())
            )
        place = {name: value for name, value in merchant.items() if name != "popularity"}
        opened = self.opened[customer] if customer < len(self.opened) else _OLD
        self.rows.append(
            sample_row(
                len(self.rows),
                event_time=at, append_time=at, sent_at=None, utc_offset_min=60,
                transaction_id=f"w-{len(self.rows)}",
                customer=token("cu", customer), card=token("ca", customer),
                amount_minor=cents, billing_amount_minor=cents,
                **({"account_opened": opened} | place | fields),
            )
        )  # fmt: skip

    def silver(self) -> pl.DataFrame:
        """All rows as Silver, in order of time."""
        rows = pl.DataFrame(self.rows, infer_schema_length=None).sort("event_time", "offset")
        rows = rows.with_columns(
            offset=pl.int_range(rows.height, dtype=pl.Int64), quality_score=pl.lit(1.0)
        )
        missing = [pl.lit(None).alias(n) for n in SILVER_SCHEMA if n not in rows.columns]
        return rows.with_columns(missing).select(list(SILVER_SCHEMA)).cast(SILVER_SCHEMA)

    def _live(self, rate: float) -> None:
        weights = []
        for city in range(len(CITIES)):
            popularity = np.array([shop["popularity"] for shop in self.shops(city)])
            weights.append(popularity / popularity.sum())
        for customer in range(self.customers):
            city = int(self.city_of[customer])
            shops = self.shops(city)
            for _ in range(int(self.rng.poisson(rate * self.days * self.spend[customer]))):
                place = int(self.rng.choice(len(shops), p=weights[city]))
                self.pay(customer, shops[place], self.moment(0, self.days))

    def visits(
        self,
        people: Sequence[int],
        merchants: Sequence[dict[str, Any]],
        count: int,
        from_day: float,
        to_day: float,
        hours: tuple[float, float] = (8, 22),
        **fields: Any,
    ) -> None:
        """`count` purchases by random ones of `people` at random ones of `merchants`."""
        for _ in range(count):
            customer = people[int(self.rng.integers(len(people)))]
            merchant = merchants[int(self.rng.integers(len(merchants)))]
            cents = fields.get("cents")
            paid = int(self.rng.choice(cents)) if isinstance(cents, tuple) else cents
            rest = {name: value for name, value in fields.items() if name != "cents"}
            self.pay(customer, merchant, self.moment(from_day, to_day, hours), paid, **rest)
