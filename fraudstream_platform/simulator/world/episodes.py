"""Days on which many do the same: a market, a full cafe, a shopping centre, a shared bill, an outage."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

from fraudstream_platform.simulator.behaviour import usual_cents
from fraudstream_platform.simulator.merchants import Merchant, Merchants
from fraudstream_platform.simulator.places import City
from fraudstream_platform.simulator.world import rhythm
from fraudstream_platform.simulator.world.agenda import Agenda
from fraudstream_platform.simulator.world.person import Person
from fraudstream_platform.simulator.world.purchases import Purchases
from fraudstream_platform.simulator.world.rhythm import DAY_MS, utc_ms

_MINUTE_MS = 60_000
_MARKET_SHARE, _MARKET_GOERS = 0.3, 0.15
_STALLS = (4, 9)
_STALL_CENTS = (300, 2_500)
_CAFE_SHARE, _CAFE_GUESTS = 0.4, (0.03, 0.08)
_CENTRE_SHOPS, _CENTRE_GOERS = 10, 0.05
_SPLIT_A_DAY = 1 / 80
"""Bills that friends split, for each person of a town."""
_OUTAGE_SHARE = 1 / 8
_ACQUIRERS = 12


class Outage(NamedTuple):
    """An acquirer that cannot reach any issuer for a while; epoch ms."""

    acquirer: str
    begins_ms: int
    ends_ms: int

    def hits(self, acquirer: str, at_ms: int) -> bool:
        """Whether a transaction of the acquirer fails at that time."""
        return self.begins_ms <= at_ms < self.ends_ms and acquirer == self.acquirer


class Episodes:
    """Plans what many people of a town do on one day."""

    def __init__(
        self,
        towns: Sequence[tuple[City, list[Person]]],
        merchants: Merchants,
        purchases: Purchases,
        agenda: Agenda,
        rng: random.Random,
    ) -> None:
        self._towns = towns
        self._merchants = merchants
        self._buy = purchases
        self._agenda = agenda
        self._rng = rng

    def plan(self, day: int) -> None:
        """Put the day's episodes on the agenda."""
        rng, saturday = self._rng, rhythm.weekday(day) == 5
        for city, everybody in self._towns:
            town = [one for one in everybody if day >= one.first_day and one.city(day) is city]
            if not town:
                continue
            if saturday:
                self._shopping_centre(city, town, day)
                if rng.random() < _MARKET_SHARE:
                    self._market(city, town, day)
            elif rhythm.weekday(day) < 5 and rng.random() < _CAFE_SHARE:
                self._cafe(city, town, day)
            for _ in range(int(len(town) * _SPLIT_A_DAY + rng.random())):
                self._split_bill(city, town, day)

    def outage(self, day: int) -> Outage | None:
        """The technical failure of that day, if there is one."""
        rng = self._rng
        if rng.random() > _OUTAGE_SHARE:
            return None
        begins = day * DAY_MS + int(rng.uniform(9, 19) * 60 * _MINUTE_MS)
        acquirer = f"AQ{rng.randrange(_ACQUIRERS):02d}"
        return Outage(acquirer, begins, begins + int(rng.uniform(20, 60) * _MINUTE_MS))

    def _some(self, town: list[Person], share: float) -> list[Person]:
        return self._rng.sample(town, min(len(town), int(len(town) * share + self._rng.random())))

    def _restaurants(self, city: City, mcc: str) -> list[Merchant]:
        shelf = self._merchants.shelf("store", city).merchants
        return [shop for shop in shelf if shop.category.mcc == mcc]

    def _market(self, city: City, town: list[Person], day: int) -> None:
        """Small taps at one stall after the other, all morning."""
        rng = self._rng
        stalls = self._merchants.shelf("store", city).merchants[-20:]
        for person in self._some(town, _MARKET_GOERS):
            at = utc_ms(day, rng.uniform(8.5, 11.5), city.utc_offset_min)
            self._agenda.announce("market_day", person, at)
            for _ in range(rng.randint(*_STALLS)):
                stall = stalls[int(rng.random() * len(stalls))]
                self._agenda.add(at, self._buy.tap(person, stall, rng.uniform(*_STALL_CENTS)))
                at += int(rng.uniform(3, 25) * _MINUTE_MS)

    def _cafe(self, city: City, town: list[Person], day: int) -> None:
        """Everybody wants a coffee at the same place in the same quarter of an hour."""
        rng = self._rng
        cafes = self._restaurants(city, "5814")
        if not cafes:
            return
        cafe, hour = rng.choice(cafes), rng.uniform(12.0, 14.0)
        for person in self._some(town, rng.uniform(*_CAFE_GUESTS)):
            at = utc_ms(day, hour + rng.uniform(0, 0.25), city.utc_offset_min)
            self._agenda.announce("busy_cafe", person, at)
            self._agenda.add(at, self._buy.tap(person, cafe, rng.uniform(250, 900)))

    def _shopping_centre(self, city: City, town: list[Person], day: int) -> None:
        """The same ten shops, in any order, by those who like to go there."""
        rng = self._rng
        shops = self._merchants.shelf("store", city).merchants[:_CENTRE_SHOPS]
        for person in self._some(town, _CENTRE_GOERS):
            at = utc_ms(day, rng.uniform(10.5, 15.5), city.utc_offset_min)
            self._agenda.announce("shopping_centre", person, at)
            for shop in rng.sample(shops, min(len(shops), rng.randint(2, 4))):
                self._agenda.add(at, self._buy.at(person, shop))
                at += int(rng.uniform(10, 40) * _MINUTE_MS)

    def _split_bill(self, city: City, town: list[Person], day: int) -> None:
        """Friends pay equal shares one after the other; sometimes one pays for two, twice."""
        rng = self._rng
        tables = self._restaurants(city, "5812")
        if not tables:
            return
        table = rng.choice(tables)
        at = utc_ms(day, rng.uniform(19.0, 22.0), city.utc_offset_min)
        friends = rng.sample(town, min(len(town), rng.randint(2, 4)))
        cents = usual_cents(rng, friends[0].customer, table)
        if rng.random() < 0.4:
            friends = [*friends, friends[0]]
        for person in friends:
            self._agenda.announce("split_bill", person, at)
            self._agenda.add(at, self._buy.at(person, table, cents))
            at += int(rng.uniform(15, 60) * 1000)
