"""Impossible geography: a copied card is used where its owner cannot have gone meanwhile.

| strength | distance | time between | speed |
|---|---|---|---|
| blatant | 1,500-8,000 km | 5-30 min | far above 900 km/h |
| normal | 300-1,500 km | at most distance / 900 km/h | above 900 km/h |
| stealthy | 150-400 km | distance / speed | 400-900 km/h |

The victim pays at home, the copy is used abroad (magstripe fallback in half of the cases), and
often the victim pays at home again.
"""

from __future__ import annotations

from fraudstream_platform.simulator import messages as m
from fraudstream_platform.simulator.injector.attack import Scene, Strength
from fraudstream_platform.simulator.merchants import Merchant
from fraudstream_platform.simulator.messages import Step
from fraudstream_platform.simulator.places import CITIES, City, distance_km
from fraudstream_platform.simulator.record import Transaction

DISTANCE_KM = {
    "blatant": (1_500.0, 8_000.0),
    "normal": (300.0, 1_500.0),
    "stealthy": (150.0, 400.0),
}
GAP_S = {"blatant": (300.0, 1_800.0), "normal": (300.0, 1_800.0)}
USES = {"blatant": (2, 4), "normal": (1, 2), "stealthy": (1, 2)}
MIN_SPEED_KM_H = 900.0
STEALTHY_SPEED_KM_H = (450.0, 850.0)
_MIN_GAP_S = 60.0
_CITY_MARGIN_KM = 40.0  # two shops may stand at the near ends of their cities


def plan(scene: Scene, strength: Strength) -> list[Step]:
    """A genuine purchase at home, then uses of the copy in a city out of reach."""
    rng = scene.rng
    home = scene.victim.stays_in
    city = _far_city(scene, home, strength)
    gap_s = _gap_s(scene, _between(home, city), strength)
    steps = [Step(0, _at_home(scene))]
    at_s = gap_s
    for _ in range(rng.randint(*USES[strength])):
        shop = _placed(scene, city)
        entry_mode = "fallback" if rng.random() < 0.5 else "magstripe"
        use = m.in_store(
            scene.victim, scene.card, shop, scene.usual_cents() * rng.uniform(1, 5),
            terminal=rng.randrange(16), entry_mode=entry_mode,
        )  # fmt: skip
        steps.append(Step(int(1000 * at_s), use, fraudulent=True))
        at_s += rng.uniform(60, 180)
    if rng.random() < 0.5:
        steps.append(Step(int(1000 * (at_s + gap_s)), _at_home(scene)))
    return steps


def _gap_s(scene: Scene, km: float, strength: Strength) -> float:
    if strength == "stealthy":
        return km / scene.rng.uniform(*STEALTHY_SPEED_KM_H) * 3600
    slowest_s = (km - _CITY_MARGIN_KM) / MIN_SPEED_KM_H * 3600 * 0.9
    return max(_MIN_GAP_S, min(scene.rng.uniform(*GAP_S[strength]), slowest_s))


def _at_home(scene: Scene) -> Transaction:
    """A purchase with the plastic at a terminal whose place is known."""
    shop = _placed(scene, scene.victim.stays_in)
    return m.in_store(scene.victim, scene.card, shop, scene.usual_cents(), entry_mode="chip")


def _placed(scene: Scene, city: City) -> Merchant:
    """A shop that reports where its terminal is, to within a kilometre."""
    shelf = scene.merchants.shelf("store", city).merchants
    exact = [shop for shop in shelf if (shop.runs[0][8] or 99.0) < 1.0]
    return scene.rng.choice(exact or shelf)


def _between(a: City, b: City) -> float:
    return distance_km(a.latitude, a.longitude, b.latitude, b.longitude)


def _far_city(scene: Scene, home: City, strength: Strength) -> City:
    low, high = DISTANCE_KM[strength]
    margin_km = 0.0 if strength == "stealthy" else _CITY_MARGIN_KM
    far = [c for c in CITIES if low + margin_km <= _between(home, c) <= high]
    if far:
        return scene.rng.choice(far)
    # A few remote cities have no neighbour in range; the nearest beyond it will do.
    beyond = [c for c in CITIES if _between(home, c) > high]
    return min(beyond, key=lambda c: _between(home, c))
