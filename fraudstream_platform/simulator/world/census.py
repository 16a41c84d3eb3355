"""Who lives in a world: persons made from the population, and the groups that they form."""

from __future__ import annotations

import random
from collections import defaultdict

from fraudstream_platform.simulator.hashing import mixed
from fraudstream_platform.simulator.merchants import Merchants
from fraudstream_platform.simulator.places import City
from fraudstream_platform.simulator.population import Card, Customer, Population
from fraudstream_platform.simulator.record import NO_CHANGES, Values
from fraudstream_platform.simulator.world.identities import Identities
from fraudstream_platform.simulator.world.ledger import Ledger
from fraudstream_platform.simulator.world.person import Person, habits, outings_a_day
from fraudstream_platform.simulator.world.rhythm import DAY_MS

_JOINS_LATER_SHARE = 0.05
"""Cold cards: customers who were none when the world begins."""
_CHANGED_ONCE_SHARE = 0.4
_PARTNER_SHARE = 0.05
_STAFF_SHARE = 0.04
_GROUPS: tuple[tuple[str, float, int, int], ...] = (
    ("family", 0.12, 2, 4), ("student_flat", 0.01, 4, 7), ("company_cards", 0.01, 5, 12),
)  # fmt: skip
"""Kind, probability that one begins at a person, smallest and largest size."""
_CALL_CENTRE_SHARE = 0.04
_COLLEAGUES = (8, 15)
_LUNCH_SHARE = 0.3
_FOOD_COURT = 5


class Census:
    """Makes the persons of a world that lasts from `first_day` to `last_day` (epoch days)."""

    def __init__(
        self,
        people: Population,
        merchants: Merchants,
        ledger: Ledger,
        identities: Identities,
        days: tuple[int, int],
    ) -> None:
        self._people = people
        self._merchants = merchants
        self._ledger = ledger
        self._identities = identities
        self._first_day, self._last_day = days

    def persons(self) -> list[Person]:
        """Everybody, groups formed."""
        everybody = [self._person(index) for index in range(self._people.size)]
        towns: dict[str, list[Person]] = defaultdict(list)
        for person in everybody:
            towns[person.customer.home.name].append(person)
        rng = random.Random(mixed(self._people.seed, 23, 0))  # nosec B311
        for town in towns.values():
            self._share_homes(rng, town)
            self._give_jobs(rng, town)
        return everybody

    def _person(self, index: int) -> Person:
        people = self._people
        rng = random.Random(mixed(people.seed, 22, index))  # nosec B311
        customer = people.customer(index)
        customer.stays_in = customer.home
        first_day = 0
        if rng.random() < _JOINS_LATER_SHARE:
            first_day = rng.randint(self._first_day + 1, max(self._first_day + 1, self._last_day))
        outings = outings_a_day(rng)
        cards = tuple(
            self._ledger.open(opened_on(card, first_day) if first_day else card, customer, outings)
            for card in people.cards(customer)
        )
        customer.card, customer.others = cards[0], cards[1:]
        favourites, clicked, subscriptions = habits(rng, customer, self._merchants)
        identities = self._identities
        return Person(
            customer, cards, outings, first_day, rng.gauss(0, 0.8), rng.choice((1, 15, 25, 28)),
            favourites, clicked, subscriptions,
            identities.contact(rng, index, customer.home),
            [identities.device(2 * index), identities.device(2 * index + 1)],
            identities.line(rng, customer.home),
            changes=self._changed_once(rng, customer),
            partner_city=self._partner(rng, customer),
        )  # fmt: skip

    def _changed_once(self, rng: random.Random, customer: Customer) -> Values:
        if rng.random() > _CHANGED_ONCE_SHARE:
            return NO_CHANGES
        start = self._first_day * DAY_MS
        contact, credential, wallet = (
            start - int(rng.uniform(20, 1_500) * DAY_MS) if rng.random() < 0.5 else None
            for _ in range(3)
        )
        return (contact, credential, wallet if customer.card.wallet else None)

    def _partner(self, rng: random.Random, customer: Customer) -> City | None:
        if customer.card.wallet is None or rng.random() > _PARTNER_SHARE:
            return None
        homes = self._people.homes
        return homes[rng.randrange(len(homes))]

    def _share_homes(self, rng: random.Random, town: list[Person]) -> None:
        place = 0
        while place < len(town):
            draw, step = rng.random(), 1
            for kind, share, low, high in _GROUPS:
                if draw < share:
                    step = rng.randint(low, high)
                    self._share(kind, town[place : place + step])
                    break
                draw -= share
            place += step
        agents = (self._identities.device(-1 - len(town)), self._office(town[0], 0))
        for person in town:
            if rng.random() < _CALL_CENTRE_SHARE:
                person.call_centre = agents

    def _office(self, person: Person, number: int) -> Values:
        home = person.customer.home
        return self._identities.office(number + 7 * len(home.name), home.country)

    def _share(self, kind: str, group: list[Person]) -> None:
        """Make the group share what people of that kind share; the first one's goes for all."""
        if len(group) < 2:
            return
        first = group[0]
        for person in group:
            person.shares = (*person.shares, kind)
            person.contact = person.contact._replace(address=first.contact.address)
            person.line = first.line
            if kind == "family":
                person.tablet = first.devices[1]
            elif kind == "company_cards":
                person.contact = person.contact._replace(
                    email=first.contact.email, phone=first.contact.phone
                )

    def _give_jobs(self, rng: random.Random, town: list[Person]) -> None:
        """Some work in a shop where they also buy; some go to lunch in one food court."""
        home = town[0].customer.home
        shops = self._merchants.shelf("store", home)
        kitchens = [shop for shop in shops.merchants if shop.category.mcc in ("5812", "5814")]
        workers = rng.sample(town, int(len(town) * _LUNCH_SHARE))
        while workers and kitchens:
            size = rng.randint(*_COLLEAGUES)
            colleagues, workers = workers[:size], workers[size:]
            court = tuple(rng.sample(kitchens, min(_FOOD_COURT, len(kitchens))))
            for person in colleagues:
                person.lunch = court
        for person in rng.sample(town, int(len(town) * _STAFF_SHARE)):
            # Several work in the few shops that see most customers.
            person.employer = shops.pick(rng.random())


def opened_on(card: Card, day: int) -> Card:
    """The card as of an account that was opened on that epoch day."""
    wallet = None if card.wallet is None else (*card.wallet[:5], day, card.wallet[6])
    return card._replace(plastic=(*card.plastic[:5], day, card.plastic[6]), wallet=wallet)
