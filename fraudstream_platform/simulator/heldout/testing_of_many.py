"""Card testing over many cards: a range of numbers is counted through, or a bought list is tried.

| strength | cards | within | shops | devices | declined | cashed out |
|---|---|---|---|---|---|---|
| blatant | 300-1,000 | 10 min | 1 | 1-3 | 90 % | none |
| normal | 40-120 | 60 min | 3-5 | 10-20 | 70 % | 5-10 % at 150-600 EUR within 24 h |
| stealthy | 30-60 | 24 h | 20-30 | one a card, on lines of the city | 40 % | none |

Numbers of nobody follow one another in one BIN; of a stealthy list most are real cards that were blocked
or typed wrong. Each card is tried once.
"""

from __future__ import annotations

import math

from fraudstream_platform.simulator import messages as m
from fraudstream_platform.simulator.heldout import hand
from fraudstream_platform.simulator.injector.attack import Scene, Strength
from fraudstream_platform.simulator.messages import Answer, Step
from fraudstream_platform.simulator.population import Card, Customer
from fraudstream_platform.simulator.record import Values

_GOOD = {"blatant": (30, 100), "normal": (12, 36), "stealthy": (18, 36)}
"""Cards that work; the declined share makes the rest of it."""
_DECLINED = {"blatant": 0.9, "normal": 0.7, "stealthy": 0.4}
_NOBODYS = {"blatant": 0.95, "normal": 0.7, "stealthy": 0.3}
"""Of the declined cards."""
_SHOPS = {"blatant": (1, 1), "normal": (3, 5), "stealthy": (20, 30)}
_SPAN_MS = {"blatant": 600_000, "normal": hand.HOUR_MS, "stealthy": hand.DAY_MS}
_WAVES = {"blatant": 1, "normal": 4, "stealthy": 12}
_SMALL_CENTS = (0, 0, 0, 100, 150, 299)


def plan(scene: Scene, strength: Strength) -> list[Step]:
    """One try a card, then what the good ones of a normal attack are used for."""
    rng = scene.rng
    good = scene.others(rng.randint(*_GOOD[strength]))
    refused = round(len(good) * _DECLINED[strength] / (1 - _DECLINED[strength]))
    tried = [(one, one.card, m.APPROVED) for one in good]
    tried += _refused(scene, refused, _NOBODYS[strength], {one.index for one in good})
    rng.shuffle(tried)
    shops = hand.popular(scene, "online", rng.randint(*_SHOPS[strength]))
    identities = _identities(scene, strength, len(tried))
    span = _SPAN_MS[strength]
    steps = []
    for number, at in enumerate(hand.waves(scene, len(tried), span, _WAVES[strength])):
        owner, card, answer = tried[number]
        cents = rng.choice(_SMALL_CENTS)
        if answer is m.APPROVED and not cents:
            answer = m.VERIFIED
        attempt = m.remote(
            owner, card, shops[number % len(shops)], cents, identities[number % len(identities)],
            message_type="AUTH" if cents else "VERIFY", answer=answer,
        )  # fmt: skip
        steps.append(Step(at, attempt, True))
    if strength == "normal":
        lucky = rng.randint(math.ceil(0.05 * len(tried)), int(0.10 * len(tried)))
        steps += [_cash_out(scene, owner, span) for owner in good[:lucky]]
    return steps


def _refused(
    scene: Scene, count: int, nobodys: float, good: set[int]
) -> list[tuple[Customer, Card, Answer]]:
    """Who is refused: other people's cards, and numbers in a row that belong to nobody."""
    rng, people, victim = scene.rng, scene.population, scene.victim
    real = round(count * (1 - nobodys))
    others = [one for one in scene.others(real + len(good)) if one.index not in good][:real]
    found = [(one, one.card, rng.choice((m.WRONG_CVV, m.EXPIRED))) for one in others]
    first = rng.randrange(people.first_free_number, 10_000_000 - count)
    bin8, product = scene.card.plastic[3:5]
    for number in range(first, first + count - len(found)):
        found.append((victim, scene.invented(bin8, product, number), m.NO_SUCH_CARD))
    return found


def _identities(scene: Scene, strength: Strength, cards: int) -> list[Values]:
    if strength == "stealthy":
        return [hand.new_device(scene, hand.home_line(scene)) for _ in range(cards)]
    devices = scene.rng.randint(*((1, 3) if strength == "blatant" else (10, 20)))
    return [hand.new_device(scene, hand.tunnel_line(scene)) for _ in range(devices)]


def _cash_out(scene: Scene, owner: Customer, after_ms: int) -> Step:
    rng = scene.rng
    shop = rng.choice(hand.resale_online(scene))
    buyer = hand.new_device(scene, hand.mobile_line(scene, owner.home.country))
    paid = m.remote(owner, owner.card, shop, rng.uniform(15_000, 60_000), buyer)
    return Step(rng.randrange(after_ms + 300_000, hand.DAY_MS), paid, True)
