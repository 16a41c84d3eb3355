"""Impossible geography: the copy of a card draws cash and buys where its owner cannot be yet.

| strength | distance | time after the owner's purchase | speed |
|---|---|---|---|
| blatant | 1,500-8,000 km | 5-30 min | far above 900 km/h |
| normal | 300-1,500 km | distance / speed | 1,000-4,000 km/h |
| stealthy | 150-400 km | distance / speed | 400-900 km/h |

Where no city lies that far, the one nearest to the range is taken and the speed kept. The copy is used
one to four times, at a cash machine or in shops that are open there; half of the owners pay again
at home hours later.
"""

from __future__ import annotations

from fraudstream_platform.simulator import messages as m
from fraudstream_platform.simulator.heldout import hand
from fraudstream_platform.simulator.injector.attack import Scene, Strength
from fraudstream_platform.simulator.merchants import Merchant
from fraudstream_platform.simulator.messages import Step
from fraudstream_platform.simulator.places import CITIES, City, distance_km
from fraudstream_platform.simulator.record import Transaction

_KM = {"blatant": (1_500, 8_000), "normal": (300, 1_500), "stealthy": (150, 400)}
_KM_H = {"normal": (1_000, 4_000), "stealthy": (420, 880)}
_MARGIN_KM = 20
"""Shops lie up to so far from their city's centre, both ends together."""
_COPIED = ("magstripe", "fallback", "fallback", "contactless")


def plan(scene: Scene, strength: Strength) -> list[Step]:
    """The owner at home, the copy far away, and often the owner again."""
    rng, victim = scene.rng, scene.victim
    owner = _paid(scene, _placed(scene, "store", victim.stays_in, 0), 1.0, "chip")
    steps = [Step(0, owner)]
    city = _far_city(scene, *_KM[strength])
    at, begun = 0, False
    for _ in range(rng.randint(1, 4)):
        place = rng.choice(("atm", "store"))
        shop = _placed(scene, place, city, at)
        copy = _paid(scene, shop, rng.uniform(0.8, 4.0), rng.choice(_COPIED))
        at += rng.randrange(180_000, 2_400_000) if begun else _gap_ms(scene, strength, owner, copy)
        begun = True
        steps.append(Step(at, copy, True))
    if rng.random() < 0.5:
        later = at + rng.randrange(hand.HOUR_MS, 5 * hand.HOUR_MS)
        shop = _placed(scene, "store", victim.stays_in, later)
        steps.append(Step(later, _paid(scene, shop, 1.0, "chip")))
    return steps


def _gap_ms(scene: Scene, strength: Strength, owner: Transaction, copy: Transaction) -> int:
    if strength == "blatant":
        return scene.rng.randrange(300_000, 1_800_000)
    km = distance_km(*owner.merchant[6:8], *copy.merchant[6:8])
    return int(hand.HOUR_MS * km / scene.rng.uniform(*_KM_H[strength]))


def _far_city(scene: Scene, low_km: float, high_km: float) -> City:
    """A city in the range, else the one nearest to it."""
    here = scene.victim.stays_in

    def outside(city: City) -> float:
        km = distance_km(here.latitude, here.longitude, city.latitude, city.longitude)
        return max(low_km + _MARGIN_KM - km, km - high_km + _MARGIN_KM, 0.0)

    others = [city for city in CITIES if city is not here]
    within = [city for city in others if not outside(city)]
    return scene.rng.choice(within) if within else min(others, key=outside)


def _placed(scene: Scene, place: str, city: City, at_ms: int) -> Merchant:
    """A merchant that tells where it is, open if any is; a shop where no such machine is."""
    shelf = scene.merchants.shelf
    known = [one for one in shelf(place, city).merchants if hand.placed_terminals(one)]
    if not known:
        known = [one for one in shelf("store", city).merchants if hand.placed_terminals(one)]
    return scene.rng.choice(hand.open_at(scene, known, at_ms) or known)


def _paid(scene: Scene, shop: Merchant, times_usual: float, entry_mode: str) -> Transaction:
    terminal = scene.rng.choice(hand.placed_terminals(shop))
    cents = scene.usual_cents() * times_usual
    if shop.category.place == "atm":
        return m.in_store(
            scene.victim, scene.card, shop, max(2_000, round(cents, -3)), terminal=terminal,
            entry_mode=entry_mode, channel="ATM", transaction_type="cash",
        )  # fmt: skip
    return m.in_store(
        scene.victim, scene.card, shop, cents, terminal=terminal, entry_mode=entry_mode
    )
