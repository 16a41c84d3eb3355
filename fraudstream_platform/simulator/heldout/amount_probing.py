"""Amount probing: how much is on the card, asked by paying more and more until it is refused.

| strength | attempts | within | steps | shops |
|---|---|---|---|---|
| blatant | 5-8 | 10 min | x 1.5-2.5, then halving the gap, then just below it | 1 |
| normal | 4-5 | 60 min | x 1.5-2.5, then halving the gap | 2-3 |
| stealthy | 3-4 | 24 h | around the limit in any order | 2-3 |

The highest approval and the lowest refusal (51 or 61) end at most 30 % apart. Half are at counters of
money transfer, exchange and betting in the victim's city while these are open, half on the net.
"""

from __future__ import annotations

import math

from fraudstream_platform.simulator import messages as m
from fraudstream_platform.simulator.heldout import hand
from fraudstream_platform.simulator.injector.attack import Scene, Strength
from fraudstream_platform.simulator.messages import Step

_ATTEMPTS = {"blatant": (5, 8), "normal": (4, 5), "stealthy": (3, 4)}
_SPAN_MS = {"blatant": 600_000, "normal": hand.HOUR_MS, "stealthy": hand.DAY_MS}
_CLOSE = 1.3
_FIRST_TIMES_USUAL = (0.7, 2.0)


def plan(scene: Scene, strength: Strength) -> list[Step]:
    """The questions, and a purchase of the victim's own."""
    rng, victim, span = scene.rng, scene.victim, _SPAN_MS[strength]
    count = rng.randint(*_ATTEMPTS[strength])
    first = scene.usual_cents() * rng.uniform(*_FIRST_TIMES_USUAL)
    asked = _around(scene, first, count) if strength == "stealthy" else _rising(scene, first, count)
    shops = 1 if strength == "blatant" else rng.randint(2, 3)
    counters = scene.merchants.shelf("cash_like", victim.stays_in).merchants
    is_open = len(hand.open_at(scene, counters, span // 2)) == len(counters)
    at_counter = is_open and strength != "stealthy" and rng.random() < 0.5
    places = rng.sample(counters, shops) if at_counter else scene.online_shops(shops)
    identity = hand.new_device(scene, hand.tunnel_line(scene))
    refusal = rng.choice((m.NO_FUNDS, m.OVER_LIMIT))
    steps = [Step(rng.randrange(span), scene.genuine(scene.card))]
    times = hand.waves(scene, count, span, count)
    for number, (at, (cents, fits)) in enumerate(zip(times, asked, strict=True)):
        shop, answer = places[number % shops], m.APPROVED if fits else refusal
        if at_counter:
            asking = m.in_store(
                victim, scene.card, shop, cents, answer=answer, transaction_type="quasi_cash"
            )
        else:
            asking = m.remote(victim, scene.card, shop, cents, identity, answer=answer)
        steps.append(Step(at, asking, True))
    return steps


def _rising(scene: Scene, cents: float, count: int) -> list[tuple[float, bool]]:
    """Amounts and whether they fit: two to four that do, one that does not, then what lies between."""
    rng = scene.rng
    rises = 2 if count < 6 else rng.randint(2, count - 3)
    asked = [(cents, True)]
    for _ in range(rises - 1):
        cents *= rng.uniform(1.5, 2.5)
        asked.append((cents, True))
    halvings = count - rises - 1
    # With one question left to halve the gap, it has to be a narrow one.
    low, high = cents, cents * rng.uniform(1.5, min(2.5, _CLOSE ** (2**halvings)))
    asked.append((high, False))
    while len(asked) < count:
        if high / low <= _CLOSE:
            asked.append((low * rng.uniform(0.97, 0.999), True))
            continue
        middle = math.sqrt(low * high)
        fits = rng.random() < 0.5
        low, high = (middle, high) if fits else (low, middle)
        asked.append((middle, fits))
    return asked


def _around(scene: Scene, cents: float, count: int) -> list[tuple[float, bool]]:
    """Two close around the limit, others further below and above, in any order."""
    rng = scene.rng
    limit = cents * rng.uniform(3, 8)
    asked = [(limit * rng.uniform(0.89, 0.99), True), (limit * rng.uniform(1.01, 1.14), False)]
    asked += [(limit * rng.uniform(0.3, 0.8), True), (limit * rng.uniform(1.2, 2.0), False)]
    kept = asked[:count]
    rng.shuffle(kept)
    return kept
