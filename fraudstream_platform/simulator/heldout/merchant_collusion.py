"""Merchant collusion: shops that live on the same cards, in rounds of all for one.

| strength | shops | cards | transactions | within | camouflage |
|---|---|---|---|---|---|
| blatant | 5 | 40 | 400 | 24 h | none |
| normal | 4 | 25 | 150 | 3 days | none |
| stealthy | 3 | 15 | 60 | 14 days | 60 % of the cards' purchases are ordinary ones in town |

A round is one shop that charges many of the cards, in turn, within 20-60 minutes. Half of the rings
have counters in the victim's city and cards of people there, half have web shops and cards from
anywhere (all of them, where the city has too few people). Amounts rise by half; four in ten are
round; a few are refunded within hours.
"""

from __future__ import annotations

from itertools import cycle, islice

from fraudstream_platform.simulator import messages as m
from fraudstream_platform.simulator.heldout import hand
from fraudstream_platform.simulator.injector.attack import Scene, Strength
from fraudstream_platform.simulator.merchants import Merchant
from fraudstream_platform.simulator.messages import Step
from fraudstream_platform.simulator.places import MINOR_PER_EURO_CENT
from fraudstream_platform.simulator.population import Customer
from fraudstream_platform.simulator.record import Values

_SHOPS = {"blatant": 5, "normal": 4, "stealthy": 3}
_CARDS = {"blatant": 40, "normal": 25, "stealthy": 15}
_TRANSACTIONS = {"blatant": 400, "normal": 150, "stealthy": 60}
_DAYS = {"blatant": 1, "normal": 3, "stealthy": 14}
_ROUND = {"blatant": 25, "normal": 15, "stealthy": 6}
"""Transactions of one round."""
_ROUND_MS = (1_200_000, 3_600_000)
_CAMOUFLAGE = 0.6
_ROUND_SHARE = 0.4
"""Of the amounts: multiples of ten in the shop's currency."""
_REFUNDED = 0.06


def plan(scene: Scene, strength: Strength) -> list[Step]:
    """The rounds, their refunds, and what a stealthy ring's cards buy elsewhere."""
    rng, total = scene.rng, _TRANSACTIONS[strength]
    members, shops, identities = _ring(scene, strength)
    turns = cycle(rng.sample(range(len(members)), len(members)))
    span = _DAYS[strength] * hand.DAY_MS
    rounds = total // _ROUND[strength]
    starts = scene.in_the_day(rounds, (span - _ROUND_MS[1]) / 1000, scene.victim.stays_in)
    steps = []
    for number, start in enumerate(starts):
        shop = shops[number % len(shops)]
        length = rng.randrange(*_ROUND_MS)
        for member in islice(turns, _ROUND[strength]):
            at = start + rng.randrange(length)
            steps.append(_sale(scene, members[member], identities[member], shop, at, at / span))
    refunded = [one for one in steps if rng.random() < _REFUNDED]
    for sale in refunded:
        back = m.following(sale.transaction, "REFUND", rng.choice((1.0, 0.5)), refers=False)
        steps.append(Step(sale.offset_ms + rng.randrange(hand.HOUR_MS, 8 * hand.HOUR_MS), back))
    if strength == "stealthy":
        others = round(total * _CAMOUFLAGE / (1 - _CAMOUFLAGE))
        for at in scene.in_the_day(others, span / 1000, scene.victim.stays_in):
            one = rng.choice(members)
            steps.append(Step(at, scene.life.in_town(one, one.card)))
    return steps


def _ring(
    scene: Scene, strength: Strength
) -> tuple[list[Customer], list[Merchant], list[Values | None]]:
    """Members, shops, and each member's identity on the net (none at a counter)."""
    rng, cards, count = scene.rng, _CARDS[strength], _SHOPS[strength]
    members = scene.neighbours(cards)
    if len(members) == cards and rng.random() < 0.5:
        return members, scene.shops(count), [None] * cards
    members = scene.others(cards)
    lines = [hand.mobile_line(scene, one.home.country) for one in members]
    return members, scene.online_shops(count), [hand.new_device(scene, line) for line in lines]


def _sale(
    scene: Scene, member: Customer, identity: Values | None, shop: Merchant, at: int, ramp: float
) -> Step:
    rng = scene.rng
    cents = rng.uniform(4_000, 16_000) * (1 + 0.5 * ramp)
    if rng.random() < _ROUND_SHARE:
        rate = MINOR_PER_EURO_CENT[shop.city.currency]
        cents = round(cents * rate, -3) / rate
    if identity is None:
        sold = m.in_store(member, member.card, shop, cents, terminal=rng.randrange(16))
    else:
        sold = m.remote(member, member.card, shop, cents, identity)
    return Step(at, sold, True)
