"""Merchant collusion: a few shops and the cards that they share make turnover for each other.

| strength | shops | cards | transactions | span | camouflage |
|---|---|---|---|---|---|
| blatant | 5 | 40 | 400 | 24 h | none |
| normal | 4 | 25 | 150 | 3 days | none |
| stealthy | 3 | 15 | 60 | 14 days | 60 % of the cards' purchases are ordinary ones elsewhere |

All shops are of the victim's city. Half of the amounts are round, amounts ramp up to twice the first
ones, some are refunded, and many fall into bursts of half an hour. Where the city has not enough
cards, cards from elsewhere are keyed in.
"""

from __future__ import annotations

from fraudstream_platform.simulator import messages as m
from fraudstream_platform.simulator.injector.attack import Scene, Strength
from fraudstream_platform.simulator.merchants import Merchant
from fraudstream_platform.simulator.messages import Step
from fraudstream_platform.simulator.places import MINOR_PER_EURO_CENT, minor
from fraudstream_platform.simulator.population import Customer
from fraudstream_platform.simulator.record import NO_IDENTITY, Transaction

SHOPS = {"blatant": 5, "normal": 4, "stealthy": 3}
CARDS = {"blatant": 40, "normal": 25, "stealthy": 15}
TRANSACTIONS = {"blatant": 400, "normal": 150, "stealthy": 60}
SPAN_S = {"blatant": 86_400.0, "normal": 259_200.0, "stealthy": 1_209_600.0}
CAMOUFLAGE = {"blatant": 0.0, "normal": 0.0, "stealthy": 0.6}
ROUND_SHARE = 0.5
REFUNDED_SHARE = 0.06
CENTS = (3_000.0, 15_000.0)
_BURST_SHARE = {"blatant": 0.6, "normal": 0.4, "stealthy": 0.2}
_BURST_SIZE = 12
_BURST_MS = 1_800_000
_TRIES_ELSEWHERE = 20


def plan(scene: Scene, strength: Strength) -> list[Step]:
    """The ring's transactions, their refunds, and what its cards buy elsewhere."""
    rng = scene.rng
    city = scene.victim.home
    shops = rng.sample(scene.merchants.shelf("store", city).merchants, SHOPS[strength])
    members = _members(scene, CARDS[strength])
    count, span_s = TRANSACTIONS[strength], SPAN_S[strength]
    steps = []
    for place, at in enumerate(_times(scene, count, span_s, _BURST_SHARE[strength])):
        # Everybody buys in turn, so that the block is dense.
        member = members[place % len(members)] if place < len(members) else rng.choice(members)
        ramp = 1 + at / (1000 * span_s)
        sale = _sale(scene, member, rng.choice(shops), rng.uniform(*CENTS) * ramp)
        steps.append(Step(at, sale, fraudulent=True))
        if rng.random() < REFUNDED_SHARE:
            back = m.following(sale, "REFUND", refers=False)
            steps.append(Step(at + rng.randint(3_600_000, 20_000_000), back))
    ordinary = round(count * CAMOUFLAGE[strength] / (1 - CAMOUFLAGE[strength]))
    for at in scene.in_the_day(max(1, ordinary), span_s, city):
        steps.append(Step(at, _elsewhere(scene, rng.choice(members), shops)))
    return steps


def _elsewhere(scene: Scene, member: Customer, shops: list[Merchant]) -> Transaction:
    """A purchase in a shop that is not in the ring, as far as the town has one."""
    own = {shop.merchant_id for shop in shops}
    for _ in range(_TRIES_ELSEWHERE):
        bought = scene.life.in_town(member, member.card)
        if bought.merchant[0] not in own:
            break
    return bought


def _members(scene: Scene, count: int) -> list[Customer]:
    near = scene.neighbours(count)
    far = [one for one in scene.others(2 * count) if one.home is not scene.victim.home]
    return [*near, *far[: count - len(near)]]


def _times(scene: Scene, count: int, span_s: float, burst_share: float) -> list[int]:
    """Rising times (ms) by day, a share of them in bursts."""
    rng = scene.rng
    single = scene.in_the_day(count - int(count * burst_share), span_s, scene.victim.home)
    together = int(count * burst_share)
    latest = int(1000 * span_s)
    starts = scene.in_the_day(max(1, together // _BURST_SIZE), span_s, scene.victim.home)
    burst = [min(latest, rng.choice(starts) + rng.randrange(_BURST_MS)) for _ in range(together)]
    return sorted([*single, *burst])


def _sale(scene: Scene, member: Customer, shop: Merchant, cents: float) -> Transaction:
    rng = scene.rng
    if rng.random() < ROUND_SHARE:
        per_cent = MINOR_PER_EURO_CENT[shop.city.currency]
        cents = max(1_000, round(minor(cents, shop.city.currency), -3)) / per_cent
    if member.stays_in is not shop.city:
        return m.remote(member, member.card, shop, cents, NO_IDENTITY, entry_mode="manual")
    return m.in_store(
        member, member.card, shop, cents,
        terminal=rng.randrange(16), entry_mode="chip" if rng.random() < 0.6 else "contactless",
    )  # fmt: skip
