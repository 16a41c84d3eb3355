"""A world in true time, transaction by transaction in the order in which they are sent.

Day by day (UTC) every person's day is planned; transactions then come off the agenda in order, are
settled against the account behind the card, and entail others. All follows from the seed.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from fraudstream_platform.protection.tokens import Tokeniser
from fraudstream_platform.protection.vault import Identity
from fraudstream_platform.simulator import messages as m
from fraudstream_platform.simulator.course import Menu, Sent
from fraudstream_platform.simulator.hashing import mixed
from fraudstream_platform.simulator.injector.attack import Scene
from fraudstream_platform.simulator.merchants import Merchants
from fraudstream_platform.simulator.places import CITIES, City
from fraudstream_platform.simulator.population import Customer, Population
from fraudstream_platform.simulator.record import NO_CHANGES, Transaction
from fraudstream_platform.simulator.truth import TRUE_DELAYS, Attack, Labels, LookAlike
from fraudstream_platform.simulator.world.aftermath import Aftermath
from fraudstream_platform.simulator.world.agenda import Agenda, Planned
from fraudstream_platform.simulator.world.bills import Bills
from fraudstream_platform.simulator.world.census import Census, opened_on
from fraudstream_platform.simulator.world.changes import Changes
from fraudstream_platform.simulator.world.diary import Diary
from fraudstream_platform.simulator.world.episodes import Episodes, Outage
from fraudstream_platform.simulator.world.identities import Identities
from fraudstream_platform.simulator.world.ledger import Ledger
from fraudstream_platform.simulator.world.person import Person
from fraudstream_platform.simulator.world.purchases import Purchases
from fraudstream_platform.simulator.world.rhythm import DAY_MS
from fraudstream_platform.simulator.world.villains import Villains

CUSTOMER_DAY = 2.0
"""Transactions of a customer on an average day (measured)."""
_TOWN_SIZE = 150
_FEWEST_TOWNS = 3
_SHOPS_A_TOWN = 60
_SPARE = 400
_SPARE_SHARE = 0.3
_NEWCOMER_OUTINGS = 0.5


class World:
    """Iterate over `transactions` once; times are epoch ms."""

    def __init__(
        self, seed: int, size: int, span_ms: tuple[int, int], menu: Menu, tokeniser: Tokeniser
    ) -> None:
        self._begins, self._ends = span_ms
        self._days = range(self._begins // DAY_MS, self._ends // DAY_MS + 1)
        self._run = f"{mixed(seed, 9, self._begins) >> 32:08x}"
        spare = _SPARE + int(size * _SPARE_SHARE)
        self._people = Population(
            seed, size, tokeniser, cache_size=size + 1, homes=_homes(seed, size), spare=spare
        )
        self._merchants = Merchants(seed, count=_SHOPS_A_TOWN * len(CITIES))
        self._agenda = Agenda()
        self._ledger = Ledger(random.Random(mixed(seed, 26, 0)))  # nosec B311
        identities = Identities(self._people)
        census = Census(
            self._people, self._merchants, self._ledger, identities,
            (self._days[0], self._days[-1]),
        )  # fmt: skip
        self._persons = census.persons()
        self._by_token = {one.customer.token: one for one in self._persons}
        rng = random.Random(mixed(seed, 6, self._begins))  # nosec B311
        self._rng = rng
        self._purchases = Purchases(self._merchants, identities, rng)
        bills = Bills(self._purchases, self._ledger, self._agenda, rng)
        changes = Changes(mixed(seed, 27, self._begins), identities, self._ledger)
        for person in self._persons:
            changes.settle(person, self._days[0])
        self._diary = Diary(self._merchants, self._purchases, changes, bills, self._agenda, rng)
        self._episodes = Episodes(
            self._towns(), self._merchants, self._purchases, self._agenda, rng
        )
        self._aftermath = Aftermath(self._agenda, rng)
        self._villains = Villains(
            menu, self._run, span_ms, self._persons, self._agenda, self._scene
        )
        chance = random.Random(mixed(seed, 8, self._begins))  # nosec B311
        self._labels = Labels(chance, menu.fraud_rate, TRUE_DELAYS)
        self._outage: Outage | None = None
        self._attacks: list[Attack] = []

    def transactions(self) -> Iterator[Sent]:
        """Every transaction of the world, in the order of sending."""
        number = 0
        for day in self._days:
            self._outage = self._episodes.outage(day)
            self._episodes.plan(day)
            for person in self._persons:
                self._diary.plan(person, day)
            end = min((day + 1) * DAY_MS, self._ends + 1)
            while (planned := self._agenda.next_before(end)) is not None:
                if planned.due_ms >= self._begins:
                    yield self._send(planned, number)
                    number += 1

    def take_fresh(self) -> list[Identity]:
        """Identities new since the last call."""
        return self._people.take_fresh()

    def take_attacks(self) -> list[Attack]:
        """Attacks that ended since the last call."""
        taken, self._attacks = self._attacks, []
        return taken

    def take_look_alikes(self) -> list[LookAlike]:
        """Look-alikes since the last call."""
        return self._agenda.take_look_alikes()

    def take_labels(self, now_ms: int) -> list[dict[str, Any]]:
        """Labels that became known by `now_ms`."""
        return self._labels.take_due(now_ms)

    def _send(self, planned: Planned, number: int) -> Sent:
        now, attack = planned.due_ms, planned.attack
        person = self._by_token.get(str(planned.transaction.account[0]))
        wanted = planned.transaction
        if person is not None and attack is None:
            wanted = self._troubled(wanted, person, now)
        settled = self._ledger.settled(wanted)
        if person is not None and settled.changes is NO_CHANGES:
            settled = settled._replace(changes=person.changes)
        sent = settled._replace(head=(f"{self._run}-{number:012d}", now - planned.late_ms, now))
        if attack is not None:
            attack.note(sent, planned.fraudulent, now)
            if planned.last:
                self._attacks.append(attack)
                self._labels.after_attack(attack)
        elif person is not None:
            self._aftermath.follow(sent, person, now)
            if sent.approved and sent.kind[1] == "AUTH":
                self._labels.after_genuine(sent.transaction_id, now)
        self._villains.after_one_more(now)
        return Sent(sent, attack is not None)

    def _troubled(self, wanted: Transaction, person: Person, now: int) -> Transaction:
        """The transaction as an outage of its acquirer leaves it."""
        outage = self._outage
        if outage is None or not outage.hits(str(wanted.merchant[2]), now):
            return wanted
        if wanted.kind[1] not in ("AUTH", "VERIFY", "PREAUTH"):
            return wanted
        self._agenda.announce("outage", person, now)
        return m.answered(wanted, m.UNREACHABLE)

    def _scene(self, rng: random.Random, victim: Person, now: int, number: int) -> Scene:
        return Scene(
            rng, self._people, self._merchants, self._purchases, victim.customer, now,
            victim.changes, self._newcomer, number,
        )  # fmt: skip

    def _newcomer(self, opened: int) -> Customer | None:
        """Somebody whose account was opened on that epoch day, with one card."""
        joined = self._people.newcomer()
        if joined is not None:
            card = opened_on(joined.card, opened)
            joined.card, joined.others = self._ledger.open(card, joined, _NEWCOMER_OUTINGS), ()
        return joined

    def _towns(self) -> list[tuple[City, list[Person]]]:
        towns: dict[str, tuple[City, list[Person]]] = {}
        for person in self._persons:
            home = person.customer.home
            towns.setdefault(home.name, (home, []))[1].append(person)
        return list(towns.values())


def _homes(seed: int, size: int) -> tuple[City, ...]:
    """So few cities that each has about 150 customers: people have to meet."""
    count = min(len(CITIES), max(_FEWEST_TOWNS, size // _TOWN_SIZE))
    rng = random.Random(mixed(seed, 28, 0))  # nosec B311
    return tuple(rng.sample(CITIES, count))
