"""Amount probing: rising amounts until the issuer refuses, then closing in on the limit.

| strength | attempts | span | steps | shops |
|---|---|---|---|---|
| blatant | 5-8 | 10 min | x 1.5-2.5, then bisection | 1 |
| normal | 4-5 | 60 min | x 1.5-2.5, then bisection | 2-3 |
| stealthy | 3-4 | 24 h | the same amounts in any order | 2-3 |

The bracket of highest approval and lowest refusal (51 or 61) ends at most 30 % wide, unless the
attempts run out before.
"""

from __future__ import annotations

from fraudstream_platform.simulator import messages as m
from fraudstream_platform.simulator.injector.attack import Scene, Strength
from fraudstream_platform.simulator.messages import Step

ATTEMPTS = {"blatant": (5, 8), "normal": (4, 5), "stealthy": (3, 4)}
SPAN_S = {"blatant": (400, 600), "normal": (2_400, 3_600), "stealthy": (64_800, 86_400)}
SHOPS = {"blatant": (1, 1), "normal": (2, 3), "stealthy": (2, 3)}
FACTOR = (1.5, 2.5)
_START_TIMES_USUAL = (1.0, 2.0)
_RISES_BEFORE_LIMIT = {"blatant": (2, 4), "normal": (1, 2), "stealthy": (1, 2)}


def plan(scene: Scene, strength: Strength) -> list[Step]:
    """Attempts from the thief's device; the victim buys something small meanwhile."""
    rng = scene.rng
    count = rng.randint(*ATTEMPTS[strength])
    span_s = rng.uniform(*SPAN_S[strength])
    shops = scene.online_shops(rng.randint(*SHOPS[strength]))
    identity = scene.stranger(rng.getrandbits(32))
    amounts = _amounts(scene, count, strength)
    if strength == "stealthy":
        rng.shuffle(amounts)
    steps = []
    times = scene.spread(count, span_s)
    for place, (at, (cents, approved)) in enumerate(zip(times, amounts, strict=True)):
        refusal = m.NO_FUNDS if rng.random() < 0.6 else m.OVER_LIMIT
        attempt = m.remote(
            scene.victim, scene.card, shops[place % len(shops)], cents, identity,
            answer=m.APPROVED if approved else refusal,
        )  # fmt: skip
        steps.append(Step(at, attempt, fraudulent=True))
    return [*steps, Step(int(450 * span_s), scene.genuine(scene.cards[-1]))]


def _amounts(scene: Scene, count: int, strength: Strength) -> list[tuple[float, bool]]:
    """Euro cents and whether the hidden limit allows them."""
    rng = scene.rng
    cents = scene.usual_cents() * rng.uniform(*_START_TIMES_USUAL)
    rises = rng.randint(*_RISES_BEFORE_LIMIT[strength])
    amounts: list[tuple[float, bool]] = [(cents, True)]
    for _ in range(rises - 1):
        cents *= rng.uniform(*FACTOR)
        amounts.append((cents, True))
    refused = cents * rng.uniform(*FACTOR)
    limit = cents + (refused - cents) * rng.uniform(0.3, 0.95)
    amounts.append((refused, False))
    approved = cents
    while len(amounts) < count:
        middle = (approved + refused) / 2
        allowed = middle <= limit
        approved, refused = (middle, refused) if allowed else (approved, middle)
        amounts.append((middle, allowed))
    return amounts[:count]
