"""What an attack is to the simulator, and the tools that its patterns share."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from fraudstream_platform.protection.vault import Identity
from fraudstream_platform.simulator.hashing import mixed
from fraudstream_platform.simulator.merchants import Merchant, Merchants
from fraudstream_platform.simulator.messages import Step
from fraudstream_platform.simulator.places import City
from fraudstream_platform.simulator.population import Card, Customer, Population, luhn_complete
from fraudstream_platform.simulator.record import NO_CHANGES, Transaction, Values
from fraudstream_platform.simulator.world.identities import Identities, filled_in

Strength = Literal["blatant", "normal", "stealthy"]
STRENGTHS: tuple[Strength, ...] = ("blatant", "normal", "stealthy")


_DAY_MS = 86_400_000
_OPENS_MS, _CLOSES_MS = 9 * 3_600_000, 20 * 3_600_000
_TRIES_FOR_DAYLIGHT = 20


class Life(Protocol):
    """What a victim does meanwhile."""

    def in_town(self, customer: Customer, card: Card) -> Transaction:
        """A purchase in a shop of the city where the customer is."""


def nobody_new(opened: int) -> Customer | None:
    """A world without room for newcomers."""
    return None


@dataclass
class Scene:
    """Where an attack takes place: its victim, the world, and its own source of chance."""

    rng: random.Random
    population: Population
    merchants: Merchants
    life: Life
    victim: Customer
    now_ms: int = 0
    """When the attack is planned; offset 0 of its steps."""
    changes: Values = NO_CHANGES
    """What was changed on the victim's account before."""
    newcomer: Callable[[int], Customer | None] = nobody_new
    """Makes a customer whose account was opened on an epoch day; None where no more can join."""
    ring: int = 0
    """A number that no other attack has."""

    @property
    def card(self) -> Card:
        """The card that the attack is about."""
        return self.victim.card

    @property
    def cards(self) -> tuple[Card, ...]:
        """All cards of the victim."""
        return self.population.cards(self.victim)

    def usual_cents(self) -> float:
        """What the victim usually pays, euro cents."""
        return 3_500 * self.victim.spend_factor

    def genuine(self, card: Card) -> Transaction:
        """A purchase of the victim's own, near where the victim is."""
        return self.life.in_town(self.victim, card)

    def online_shops(self, count: int) -> list[Merchant]:
        """Up to `count` different online merchants."""
        shelf = self.merchants.shelf("online").merchants
        return self.rng.sample(shelf, min(count, len(shelf)))

    def shops(self, count: int) -> list[Merchant]:
        """Up to `count` different shops in the city where the victim is."""
        shelf = self.merchants.shelf("store", self.victim.stays_in).merchants
        return self.rng.sample(shelf, min(count, len(shelf)))

    def others(self, count: int) -> list[Customer]:
        """Up to `count` customers, whoever they are."""
        people = self.population
        wanted = min(count, people.size)
        return [people.customer(index) for index in self.rng.sample(range(people.size), wanted)]

    def neighbours(self, count: int) -> list[Customer]:
        """Up to `count` customers who live in the victim's city and are there."""
        people, home = self.population, self.victim.home
        everybody = (people.customer(index) for index in range(people.size))
        near = [one for one in everybody if one.home is home and one.stays_in is home]
        return self.rng.sample(near, min(count, len(near)))

    def invented(self, bin8: str, product: str, number: int) -> Card:
        """A card that passes the Luhn check and belongs to nobody."""
        found: list[Identity] = []
        token = self.population.identify("card", luhn_complete(f"{bin8}{number:07d}"), found)
        self.population.fresh.extend(found)
        return Card((None, token, None, bin8, product, None, None), None, 0)

    def in_the_day(self, count: int, span_s: float, city: City) -> list[int]:
        """`count` rising times (ms) within `span_s` seconds at which shops of the city are open."""
        times = []
        for _ in range(count):
            for _ in range(_TRIES_FOR_DAYLIGHT):
                at = self.rng.randrange(int(1000 * span_s))
                local_ms = self.now_ms + at + 60_000 * city.utc_offset_min
                if _OPENS_MS <= local_ms % _DAY_MS < _CLOSES_MS:
                    break
            times.append(at)
        return sorted(times)

    def stranger(self, number: int, country: str = "NL", kind: str = "hosting") -> Values:
        """Identity fields of the thief's own device, address and invented person, of an `ip_type`."""
        found: list[Identity] = []
        people = self.population
        mark = mixed(people.seed, 5, number)
        invented = Identities(people).contact(self.rng, mark & 0xFFFFFFFF, self.victim.home)
        device = people.identify("device", f"dev-{mark:016x}", found)
        ip_text = f"198.18.{mark & 255}.{mark >> 8 & 255}"
        ip = people.identify("ip", ip_text, found)
        network = people.network(f"{ip_text.rpartition('.')[0]}.0/24", found)
        people.fresh.extend(found)
        written = filled_in(self.rng, invented)
        return (*written, device, ip, network, country, kind)

    def spread(self, count: int, span_s: float) -> list[int]:
        """`count` rising times (ms) over `span_s` seconds, the first 0, the last the span."""
        gaps = [self.rng.uniform(0.5, 1.5) for _ in range(max(1, count - 1))]
        scale = 1000 * span_s / sum(gaps)
        times, at = [0], 0.0
        for gap in gaps[: count - 1]:
            at += gap * scale
            times.append(int(at))
        return times


Plan = Callable[[Scene, Strength], list[Step]]
"""Steps of one attack in true time, the victim's own transactions among them."""


def compressed(steps: list[Step], factor: float) -> list[Step]:
    """`steps` in order with every offset multiplied by `factor`."""
    ordered = sorted(steps, key=lambda step: step.offset_ms)
    return [step._replace(offset_ms=math.floor(step.offset_ms * factor)) for step in ordered]
