"""Turns of life: trips, moves, new phones, weddings; each looks like some fraud for a while."""

from __future__ import annotations

import random
from bisect import bisect
from itertools import accumulate

from fraudstream_platform.simulator.hashing import mixed
from fraudstream_platform.simulator.places import CITIES
from fraudstream_platform.simulator.world.identities import Identities
from fraudstream_platform.simulator.world.ledger import Ledger
from fraudstream_platform.simulator.world.person import Person, Phase, Trip
from fraudstream_platform.simulator.world.rhythm import DAY_MS

_YEAR = 365.0
_A_YEAR: dict[str, float] = {
    "trip": 1.0, "new_phone": 0.4, "house_move": 0.1, "pay_rise": 0.15, "limit_increase": 0.2,
    "wedding": 0.02, "tax_bill": 0.3, "new_line": 6.0,
}  # fmt: skip
"""Times a year that it happens to a person. With trips of 7.5 days, 2 % are away at a time."""
_KINDS = tuple(_A_YEAR)
_CUMULATIVE = list(accumulate(rate / _YEAR for rate in _A_YEAR.values()))
_PHASES: dict[str, tuple[float, int]] = {
    "house_move": (1.5, 21), "pay_rise": (1.25, 60), "limit_increase": (1.2, 45),
    "wedding": (2.2, 30), "new_phone": (1.0, 7),
}  # fmt: skip
"""How much more each purchase costs, and for how many days it goes on."""
_TRIP_DAYS = (4, 13)
_BOOKED_AHEAD_DAYS = (14, 50)


class Changes:
    """Draws what changes in a person's life on a day."""

    def __init__(self, seed: int, identities: Identities, ledger: Ledger) -> None:
        self._rng = random.Random(mixed(seed, 24, 0))  # nosec B311
        self._identities = identities
        self._ledger = ledger
        self._devices = 10**9

    def settle(self, person: Person, day: int) -> None:
        """Let the person be as far into life as others on the world's first day: perhaps away."""
        if self._rng.random() < _A_YEAR["trip"] / _YEAR * _BOOKED_AHEAD_DAYS[1]:
            self._book(person, day - self._rng.randint(*_BOOKED_AHEAD_DAYS))

    def day(self, person: Person, day: int) -> str | None:
        """Let the day come: what begins on it (a kind of `_A_YEAR`), mostly nothing."""
        if person.trip is not None and day > person.trip.returns:
            person.trip = None
        if person.phase is not None and day > person.phase.until:
            person.phase = None
        draw = self._rng.random()
        if draw >= _CUMULATIVE[-1]:
            return None
        kind = _KINDS[bisect(_CUMULATIVE, draw)]
        return kind if self._happens(kind, person, day) else None

    def _happens(self, kind: str, person: Person, day: int) -> bool:
        rng = self._rng
        if kind == "trip":
            return self._book(person, day)
        if kind == "new_line":
            person.line = self._identities.line(rng, person.customer.home)
        elif kind == "limit_increase" and not self._raise_limit(person):
            return False
        elif kind in ("new_phone", "house_move"):
            if person.is_away(day):
                return False
            at_ms = day * DAY_MS - int(rng.uniform(0, 0.4) * DAY_MS)
            (self._new_phone if kind == "new_phone" else self._house_move)(person, at_ms)
        if kind in _PHASES:
            factor, days = _PHASES[kind]
            person.phase = Phase(kind, factor, day + days)
        return True

    def _book(self, person: Person, day: int) -> bool:
        rng = self._rng
        city = CITIES[rng.randrange(len(CITIES))]
        if person.trip is not None or city is person.customer.home:
            return False
        leaves = day + rng.randint(*_BOOKED_AHEAD_DAYS)
        person.trip = Trip(city, leaves, leaves + rng.randint(*_TRIP_DAYS), rng.random() < 0.5)
        return True

    def _raise_limit(self, person: Person) -> bool:
        card = person.cards[0]
        if card.plastic[6] is None:
            return False
        person.replace_card(card, self._ledger.raise_limit(card, self._rng.uniform(1.3, 2.0)))
        return True

    def _new_phone(self, person: Person, at_ms: int) -> None:
        self._devices += 1
        person.devices[0] = self._identities.device(self._devices)
        contact, credential, wallet = person.changes
        if self._rng.random() < 0.3:
            credential = at_ms
        if person.cards[0].wallet is not None:
            wallet = at_ms
        person.changes = (contact, credential, wallet)

    def _house_move(self, person: Person, at_ms: int) -> None:
        home = person.customer.home
        person.contact = person.contact._replace(address=self._identities.address(self._rng, home))
        person.line = self._identities.line(self._rng, home)
        person.changes = (at_ms, *person.changes[1:])
