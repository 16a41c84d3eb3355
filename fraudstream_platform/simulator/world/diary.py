"""A person's day: lunch, errands, purchases; planned at its start."""

from __future__ import annotations

import math
import random

from fraudstream_platform.simulator import messages as m
from fraudstream_platform.simulator.behaviour import usual_cents
from fraudstream_platform.simulator.merchants import Merchant, Merchants
from fraudstream_platform.simulator.places import City
from fraudstream_platform.simulator.world import rhythm
from fraudstream_platform.simulator.world.agenda import Agenda
from fraudstream_platform.simulator.world.bills import Bills
from fraudstream_platform.simulator.world.changes import Changes
from fraudstream_platform.simulator.world.person import Person
from fraudstream_platform.simulator.world.purchases import Purchases
from fraudstream_platform.simulator.world.rhythm import DAY_MS, utc_ms

_MINUTE_MS = 60_000
_HOUR_MS = 3_600_000


class Diary:
    """Plans one day of one person after the other."""

    def __init__(
        self,
        merchants: Merchants,
        purchases: Purchases,
        changes: Changes,
        bills: Bills,
        agenda: Agenda,
        rng: random.Random,
    ) -> None:
        self._merchants = merchants
        self._buy = purchases
        self._changes = changes
        self._bills = bills
        self._agenda = agenda
        self._rng = rng

    def plan(self, person: Person, day: int) -> None:
        """Put the person's transactions of the epoch day (UTC) on the agenda."""
        if day < person.first_day:
            return
        begins = self._changes.day(person, day)
        city = person.city(day)
        person.customer.stays_in = city or person.customer.home
        if begins == "trip":
            self._book_trip(person, day)
        elif begins == "tax_bill":
            self._pay_tax(person, day)
        self._bills.plan(person, day)
        outings = self._outings(person, day)
        for _ in range(outings):
            self._outing(person, day, city)
        if city is person.customer.home:
            self._routine(person, day, city)
        if person.partner_city is not None and self._rng.random() < 0.2:
            self._partner(person, person.partner_city, day)

    def _outings(self, person: Person, day: int) -> int:
        """How often the person goes out (or online): Poisson with days that differ, which is bursty."""
        rng = self._rng
        mean = person.outings_a_day * rhythm.week_factor(day)
        mean *= rhythm.pay_factor(day, person.pay_day)
        threshold, product, count = math.exp(-mean * rng.gammavariate(2.0, 0.5)), rng.random(), 0
        while product > threshold:
            count += 1
            product *= rng.random()
        return count

    def _at_hour(self, profile: rhythm.Profile, person: Person, day: int, city: City) -> int:
        hour = (profile.hour(self._rng.random()) + person.shift_hours) % 24
        return utc_ms(day, hour, city.utc_offset_min)

    def _outing(self, person: Person, day: int, city: City | None) -> None:
        draw = self._rng.random()
        if city is None or draw < person.customer.online_share:
            self._go_online(person, day)
            return
        at = self._at_hour(rhythm.in_store_profile(day), person, day, city)
        if person.phase is not None:
            self._agenda.announce(person.phase.kind, person, at)
        if city is not person.customer.home:
            self._agenda.announce("holiday_trip", person, at)
        draw = self._rng.random()
        if draw < 0.14:
            self._small_things(person, city, at)
        elif draw < 0.20:
            self._agenda.announce("fuel", person, at)
            self._agenda.add(at, self._buy.fuel(person, city))
        elif draw < 0.245:
            self._agenda.add(at, self._buy.cash(person, city))
        elif draw < 0.25:
            self._agenda.add(at, self._buy.cash_like(person, city))
        else:
            self._shopping(person, city, at)

    def _shopping(self, person: Person, city: City, at: int) -> None:
        """One shop or two or three; now and then half a high street (presents, sales)."""
        rng = self._rng
        draw = rng.random()
        count, gap_min = 1, (3.0, 45.0)
        if draw > 0.994:
            count, gap_min = rng.randint(6, 10), (8.0, 30.0)
            self._agenda.announce("christmas_shopping", person, at)
        elif draw > 0.65:
            count = 2 if draw < 0.88 else 3
        for _ in range(count):
            hour = (at + city.utc_offset_min * _MINUTE_MS) % DAY_MS / _HOUR_MS
            shop = self._buy.shop(person, city, hour)
            if shop is not None:
                self._note(person, shop, at)
                self._agenda.add(at, self._buy.at(person, shop))
            at += int(rng.uniform(*gap_min) * _MINUTE_MS)

    def _note(self, person: Person, shop: Merchant, at: int) -> None:
        _, group, _, _, _, _, latitude, _, precision = shop.runs[0]
        if group is not None:
            self._agenda.announce("chain" if latitude is not None else "marketplace", person, at)
        if precision is not None and precision > 1:
            self._agenda.announce("city_centroid", person, at)

    def _small_things(self, person: Person, city: City, at: int) -> None:
        """A ticket, a coffee, a snack: up to four small taps within minutes; some are sent late."""
        rng = self._rng
        shop = self._merchants.shelf("small", city).pick(rng.random())
        count = int(1 + 4 * rng.random() ** 2)
        if count > 1:
            self._agenda.announce("vending", person, at)
        for _ in range(count):
            tap = self._buy.tap(person, shop, usual_cents(rng, person.customer, shop))
            if rng.random() < 0.01:
                late = int(rng.uniform(2, 40) * _HOUR_MS)
                self._agenda.announce("offline_advice", person, at + late)
                self._agenda.add(at + late, m.following(tap, "ADVICE", refers=False), late)
            else:
                self._agenda.add(at, tap)
            at += int(rng.uniform(5, 150) * 1000)

    def _go_online(self, person: Person, day: int) -> None:
        rng, agenda, home = self._rng, self._agenda, person.customer.home
        at = self._at_hour(rhythm.ONLINE, person, day, home)
        if person.call_centre is not None and rng.random() < 0.3:
            agenda.announce("call_centre", person, at)
            agenda.add(at, self._buy.telephone_order(person))
            return
        identity, is_shared = self._buy.identity(person, day)
        if is_shared:
            agenda.announce("cgnat", person, at)
        for kind in person.shares:
            agenda.announce(kind, person, at)
        if person.phase is not None:
            agenda.announce(person.phase.kind, person, at)
        if person.is_away(day):
            agenda.announce("holiday_trip", person, at)
        draw = rng.random()
        if draw < 0.03:
            agenda.add(at, self._buy.verification(person, identity))
            return
        shop, count = self._buy.web_shop(person), 1
        self._note(person, shop, at)
        if draw > 0.9 and shop.category.mcc == "5818":
            count = rng.randint(2, 5)
            agenda.announce("app_store", person, at)
        for _ in range(count):
            agenda.add(at, self._buy.online(person, identity, shop))
            at += int(rng.uniform(20, 400) * 1000)

    def _routine(self, person: Person, day: int, city: City) -> None:
        """Lunch with colleagues in the food court, and what staff buy where they work."""
        rng = self._rng
        if rhythm.weekday(day) >= 5:
            return
        if person.lunch and rng.random() < 0.25:
            at = utc_ms(day, rng.uniform(11.8, 13.4), city.utc_offset_min)
            kitchen = person.lunch[int(rng.random() * len(person.lunch))]
            self._agenda.announce("food_court", person, at)
            self._agenda.add(at, self._buy.at(person, kitchen))
        if person.employer is not None and rng.random() < 0.35:
            at = utc_ms(day, rng.uniform(10.0, 17.5), city.utc_offset_min)
            self._agenda.announce("staff_purchase", person, at)
            self._agenda.add(at, self._buy.at(person, person.employer))

    def _partner(self, person: Person, city: City, day: int) -> None:
        at = self._at_hour(rhythm.in_store_profile(day), person, day, city)
        self._agenda.announce("partner_wallet", person, at)
        self._agenda.add(at, self._buy.partner_tap(person, city))

    def _book_trip(self, person: Person, day: int) -> None:
        if person.trip is None:
            return
        shelf = self._merchants.shelf("online").merchants
        agents = [shop for shop in shelf if shop.category.mcc == "4722"]
        there = [shop for shop in agents if shop.city is person.trip.city] or agents
        at = self._at_hour(rhythm.ONLINE, person, day, person.customer.home)
        identity, _ = self._buy.identity(person, day)
        self._agenda.announce("travel_agent", person, at)
        self._agenda.add(at, self._buy.online(person, identity, self._rng.choice(there)))

    def _pay_tax(self, person: Person, day: int) -> None:
        office = self._merchants.shelf("authority", person.customer.home).pick(self._rng.random())
        at = self._at_hour(rhythm.ONLINE, person, day, person.customer.home)
        identity, _ = self._buy.identity(person, day)
        self._agenda.announce("tax_bill", person, at)
        self._agenda.add(at, self._buy.online(person, identity, office))
