"""Card testing of one stolen wallet: expiry dates and CVVs are guessed until one is right.

| strength | tries | within | declined | shops | devices | cash-out |
|---|---|---|---|---|---|---|
| blatant | 10-15 | 10 min | 90 % | 1 | 1-3 | 1-2 x 150-600 EUR within 24 h |
| normal | 8-12 | 60 min | 70 % | 3-5 | 2-3 | 1-2 x 150-600 EUR within 24 h |
| stealthy | 5-8 | 24 h | 40 % | one a try | one a try, on lines of the city | none |

Half guess until they are right, half mix. Tries are verifications or payments up to 5 EUR, half of the
attacks at subscription services, which check cards all day.
"""

from __future__ import annotations

from fraudstream_platform.simulator import messages as m
from fraudstream_platform.simulator.heldout import hand
from fraudstream_platform.simulator.injector.attack import Scene, Strength
from fraudstream_platform.simulator.messages import Step
from fraudstream_platform.simulator.record import Values

_TRIES = {"blatant": (10, 15), "normal": (8, 12), "stealthy": (5, 8)}
_SPAN_MS = {"blatant": 600_000, "normal": hand.HOUR_MS, "stealthy": hand.DAY_MS}
_DECLINED = {"blatant": 0.9, "normal": 0.7, "stealthy": 0.4}
_WAVES = {"blatant": 2, "normal": 3, "stealthy": 5}
_SMALL_CENTS = (0, 0, 50, 100, 199, 500)


def plan(scene: Scene, strength: Strength) -> list[Step]:
    """Guesses, a purchase of the victim's own among them, and what the good card is used for."""
    rng, victim = scene.rng, scene.victim
    tries = rng.randint(*_TRIES[strength])
    refused = round(tries * _DECLINED[strength])
    right = [False] * refused + [True] * (tries - refused)
    if rng.random() < 0.5:
        rng.shuffle(right)
    span = _SPAN_MS[strength]
    shelf = rng.choice(("online", "subscription"))
    counts = {"blatant": 1, "normal": rng.randint(3, 5), "stealthy": tries}
    shops = hand.popular(scene, shelf, counts[strength])
    identities = _identities(scene, strength, tries)
    steps = [Step(int(span * rng.random()), scene.genuine(scene.card))]
    good = scene.card
    for number, at in enumerate(hand.waves(scene, tries, span, _WAVES[strength])):
        card = rng.choice(scene.cards)
        cents = rng.choice(_SMALL_CENTS)
        kind = "AUTH" if cents else "VERIFY"
        answer = rng.choice((m.WRONG_CVV, m.EXPIRED))
        if right[number]:
            answer, good = (m.APPROVED if cents else m.VERIFIED), card
        tried = m.remote(
            victim, card, shops[number % len(shops)], cents, identities[number % len(identities)],
            message_type=kind, answer=answer,
        )  # fmt: skip
        steps.append(Step(at, tried, True))
    if strength == "stealthy":
        return steps
    buyer = hand.new_device(scene, hand.tunnel_line(scene))
    for _ in range(rng.randint(1, 2)):
        shop = rng.choice(hand.resale_online(scene))
        at = rng.randrange(span + 300_000, hand.DAY_MS)
        paid = m.remote(victim, good, shop, rng.uniform(15_000, 60_000), buyer)
        steps.append(Step(at, paid, True))
    return steps


def _identities(scene: Scene, strength: Strength, tries: int) -> list[Values]:
    if strength == "stealthy":
        return [hand.new_device(scene, hand.home_line(scene)) for _ in range(tries)]
    devices = scene.rng.randint(1 if strength == "blatant" else 2, 3)
    return [hand.new_device(scene, hand.tunnel_line(scene)) for _ in range(devices)]
