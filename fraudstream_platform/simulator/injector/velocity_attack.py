"""Velocity attack: one card used far more often than its owner ever does.

| strength | purchases | span | amounts |
|---|---|---|---|
| blatant | 15-30 | 10 min | 0.5-2 x the victim's usual |
| normal | 6-10 | 60 min | 0.5-2 x the victim's usual |
| stealthy | 5-8 | 24 h, three times the victim's rate | 0.5-2 x the victim's usual |

A quarter of the attacks run through shops in the victim's city (a stolen card), the others through
online shops (stolen details): most card fraud is remote, 84 % of its value with cards issued in SEPA in 2021
(ECB, Report on card fraud in 2020 and 2021).
"""

from __future__ import annotations

from fraudstream_platform.simulator import messages as m
from fraudstream_platform.simulator.injector.attack import Scene, Strength
from fraudstream_platform.simulator.messages import Step

PURCHASES = {"blatant": (15, 30), "normal": (6, 10), "stealthy": (5, 8)}
SPAN_S = {"blatant": (480, 600), "normal": (2_400, 3_600), "stealthy": (64_800, 86_400)}
TIMES_USUAL = (0.5, 2.0)
_DECLINED_AT_THE_END = 0.25
_IN_TOWN = 0.25


def plan(scene: Scene, strength: Strength) -> list[Step]:
    """Purchases in a row; some of the last ones meet an empty account."""
    rng = scene.rng
    count = rng.randint(*PURCHASES[strength])
    span_s = rng.uniform(*SPAN_S[strength])
    in_town = rng.random() < _IN_TOWN
    shops = scene.shops(6) if in_town else scene.online_shops(6)
    identity = None if in_town else scene.stranger(rng.getrandbits(32))
    steps = []
    for place, at in enumerate(scene.spread(count, span_s)):
        late = place >= count * 0.7
        answer = m.NO_FUNDS if late and rng.random() < _DECLINED_AT_THE_END else m.APPROVED
        cents = scene.usual_cents() * rng.uniform(*TIMES_USUAL)
        shop = rng.choice(shops)
        if identity is None:
            purchase = m.in_store(
                scene.victim, scene.card, shop, cents,
                terminal=rng.randrange(16), entry_mode="contactless", answer=answer,
            )  # fmt: skip
        else:
            purchase = m.remote(scene.victim, scene.card, shop, cents, identity, answer=answer)
        steps.append(Step(at, purchase, fraudulent=True))
    own_card = scene.cards[-1]
    return [*steps, Step(int(600 * span_s), scene.genuine(own_card))]
