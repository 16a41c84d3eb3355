"""Velocity attack: a card is emptied in a rush, at the tills of few shops or from one phone.

| strength | purchases | within |
|---|---|---|
| blatant | 15-30 | 10 min |
| normal | 6-10 | 60 min |
| stealthy | 5-8 | 24 h |

Amounts are 0.3-1.8 x what the victim usually pays, at one to three shops; in shops only while these are
open. The victim buys something before half of it is over.
"""

from __future__ import annotations

from fraudstream_platform.simulator import messages as m
from fraudstream_platform.simulator.heldout import hand
from fraudstream_platform.simulator.injector.attack import Scene, Strength
from fraudstream_platform.simulator.messages import Step

_PURCHASES = {"blatant": (15, 30), "normal": (6, 10), "stealthy": (5, 8)}
_SPAN_MS = {"blatant": 600_000, "normal": hand.HOUR_MS, "stealthy": hand.DAY_MS}
_TIMES_USUAL = (0.3, 1.8)
_TAP_LIMIT_CENTS = 5_000


def plan(scene: Scene, strength: Strength) -> list[Step]:
    """The rush, and the victim's own purchase."""
    rng, victim, city = scene.rng, scene.victim, scene.victim.stays_in
    count, span = rng.randint(*_PURCHASES[strength]), _SPAN_MS[strength]
    nearby = hand.open_at(scene, scene.merchants.shelf("store", city).merchants, span // 2)
    in_town = bool(nearby) and rng.random() < 0.6
    if in_town:
        shops = rng.sample(nearby, min(rng.randint(1, 3), len(nearby)))
    else:
        shops = hand.popular(scene, "online", rng.randint(1, 3))
    if in_town and strength == "stealthy":
        times = scene.in_the_day(count, span / 1000, city)
    else:
        times = hand.waves(scene, count, span, rng.randint(1, 3))
    identity = hand.new_device(scene, hand.mobile_line(scene, victim.home.country))
    steps = [Step(rng.randrange(span // 2), scene.genuine(scene.card))]
    for at in times:
        cents = scene.usual_cents() * hand.part(scene, *_TIMES_USUAL)
        shop = rng.choice(shops)
        if in_town:
            mode = "contactless" if cents < _TAP_LIMIT_CENTS else "chip"
            bought = m.in_store(
                victim, scene.card, shop, cents, terminal=rng.randrange(16), entry_mode=mode
            )
        else:
            bought = m.remote(victim, scene.card, shop, cents, identity)
        steps.append(Step(at, bought, True))
    return steps
