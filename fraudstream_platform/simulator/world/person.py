"""A customer with a life: habits, devices, subscriptions, a job, trips, and who shares with whom."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import NamedTuple

from fraudstream_platform.simulator.merchants import Merchant, Merchants
from fraudstream_platform.simulator.places import City
from fraudstream_platform.simulator.population import Card, Customer
from fraudstream_platform.simulator.record import NO_CHANGES, Values
from fraudstream_platform.simulator.world.identities import Contact

_FAVOURITES = 6
_ONLINE_FAVOURITES = 5
_OUTINGS_A_DAY = 1.3
_OUTINGS_SHAPE = 2.5  # of the gamma distribution that each person's rate is drawn from


class Subscription(NamedTuple):
    """A charge that a merchant makes once a month: on which day, to which of the cards."""

    merchant: Merchant
    cents: int
    day: int
    hour: float


class Trip(NamedTuple):
    """Away from home: epoch days of leaving and coming back, on which no shop sees the person."""

    city: City
    leaves: int
    returns: int
    has_roaming: bool


class Phase(NamedTuple):
    """A time of another life, often of spending more: until an epoch day."""

    kind: str
    factor: float
    until: int


@dataclass(slots=True)
class Person:
    """State of one customer's life; days are epoch days."""

    customer: Customer
    cards: tuple[Card, ...]
    outings_a_day: float
    first_day: int
    shift_hours: float
    """How much later than others this person lives."""
    pay_day: int
    favourites: tuple[Merchant, ...]
    online_favourites: tuple[Merchant, ...]
    subscriptions: tuple[Subscription, ...]
    contact: Contact
    devices: list[str]
    """The phone first."""
    line: Values
    """ip, ip_net, ip_country, ip_type at home."""
    changes: Values = NO_CHANGES
    trip: Trip | None = None
    phase: Phase | None = None
    lunch: tuple[Merchant, ...] = ()
    employer: Merchant | None = None
    partner_city: City | None = None
    """Where somebody else taps with this person's card on their phone."""
    shares: tuple[str, ...] = ()
    """Kinds of sharing identifiers with others (family, student_flat, ...)."""
    tablet: str | None = None
    has_tunnel: bool = False
    """Whether the computer goes through a VPN."""
    call_centre: tuple[str, Values] | None = None
    """Device and network of the agents who take this person's orders."""
    announced: dict[str, int] = field(default_factory=dict)

    def city(self, day: int) -> City | None:
        """Where the person can stand in a shop on that day; None in transit."""
        trip = self.trip
        if trip is None or not trip.leaves <= day <= trip.returns:
            return self.customer.home
        return trip.city if trip.leaves < day < trip.returns else None

    def is_away(self, day: int) -> bool:
        """Whether the person is on a trip, transit included."""
        trip = self.trip
        return trip is not None and trip.leaves <= day <= trip.returns

    def replace_card(self, old: Card, new: Card) -> None:
        """Use `new` in place of `old` from now on."""
        self.cards = tuple(new if card is old else card for card in self.cards)
        self.customer.card, *others = self.cards
        self.customer.others = tuple(others)


def habits(
    rng: random.Random, customer: Customer, merchants: Merchants
) -> tuple[tuple[Merchant, ...], tuple[Merchant, ...], tuple[Subscription, ...]]:
    """Shops at home, shops online and subscriptions of one customer."""
    town = merchants.shelf("store", customer.home)
    online = merchants.shelf("online")
    services = merchants.shelf("subscription")
    favourites = tuple(town.pick(rng.random()) for _ in range(_FAVOURITES))
    clicked = tuple(online.pick(rng.random()) for _ in range(_ONLINE_FAVOURITES))
    chosen = dict.fromkeys(services.pick(rng.random()) for _ in range(rng.randrange(4)))
    # A service bills its customers in one hour of the night.
    subscriptions = tuple(
        Subscription(
            one,
            499 + 500 * rng.randrange(4),
            rng.randint(1, 28),
            1 + int(one.merchant_id[1:]) % 5 + rng.random(),
        )
        for one in chosen
    )
    return favourites, clicked, subscriptions


def outings_a_day(rng: random.Random) -> float:
    """One customer's rate: most about one a day, some four, some hardly any."""
    return max(0.1, rng.gammavariate(_OUTINGS_SHAPE, _OUTINGS_A_DAY / _OUTINGS_SHAPE))
