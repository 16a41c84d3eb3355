"""What an attack is to the simulator, and the tools that its patterns share."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from fraudstream_platform.protection.vault import Identity
from fraudstream_platform.simulator.behaviour import Life
from fraudstream_platform.simulator.hashing import mixed
from fraudstream_platform.simulator.merchants import Merchant, Merchants
from fraudstream_platform.simulator.messages import Step
from fraudstream_platform.simulator.population import Card, Customer, Population
from fraudstream_platform.simulator.record import Transaction, Values

Strength = Literal["blatant", "normal"]
STRENGTHS: tuple[Strength, ...] = ("blatant", "normal")


@dataclass
class Scene:
    """Where an attack takes place: its victim, the world, and its own source of chance."""

    rng: random.Random
    population: Population
    merchants: Merchants
    life: Life
    victim: Customer

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

    def stranger(self, number: int) -> Values:
        """Identity fields of the thief's own device and address."""
        found: list[Identity] = []
        people, draw = self.population, self.rng.getrandbits
        mark = mixed(people.seed, 5, number)
        email = people.identify("email", f"box{draw(40):x}@example.net", found)
        device = people.identify("device", f"dev-{mark:016x}", found)
        ip_text = f"198.18.{mark & 255}.{mark >> 8 & 255}"
        ip = people.identify("ip", ip_text, found)
        network = people.network(f"{ip_text.rpartition('.')[0]}.0/24", found)
        people.fresh.extend(found)
        return (email, None, None, None, device, ip, network, "NL", "hosting")

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
