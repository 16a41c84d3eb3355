"""Bust-out: a good payer turns the whole limit into goods and cash and is gone.

| strength | spent | within | payments |
|---|---|---|---|
| blatant | 85-110 % of the limit | 48 h | a large one before, returned within days |
| normal | 70-95 % of the limit | 14 days | one meanwhile, returned before the end |
| stealthy | 10-15 points of the limit a week | 3-5 weeks | none |

The larger half goes through counters of money transfer, exchange and betting and through cash
machines, the rest through shops of what sells again, on the net and in town. Amounts grow.
"""

from __future__ import annotations

from fraudstream_platform.simulator import messages as m
from fraudstream_platform.simulator.heldout import hand
from fraudstream_platform.simulator.injector.attack import Scene, Strength
from fraudstream_platform.simulator.messages import Step
from fraudstream_platform.simulator.places import MINOR_PER_EURO_CENT
from fraudstream_platform.simulator.population import Card
from fraudstream_platform.simulator.record import Transaction, Values

_SHARE = {"blatant": (0.85, 1.10), "normal": (0.70, 0.95)}
_WEEKLY_SHARE = (0.10, 0.15)
_WEEKS = (3, 5)
_SPAN_MS = {"blatant": 2 * hand.DAY_MS, "normal": 14 * hand.DAY_MS}
_PURCHASES = {"blatant": (9, 16), "normal": (14, 30)}
_WEEKLY_PURCHASES = (3, 6)
_CASH_LIKE = 0.55


def plan(scene: Scene, strength: Strength) -> list[Step]:
    """The run-up; empty where the victim, who is the criminal, has no credit card."""
    rng, card = scene.rng, hand.credit_card(scene)
    if card is None:
        return []
    identity = hand.new_device(scene, hand.home_line(scene))
    if strength == "stealthy":
        steps = []
        for week in range(rng.randint(*_WEEKS)):
            count, share = rng.randint(*_WEEKLY_PURCHASES), rng.uniform(*_WEEKLY_SHARE)
            steps += _run(scene, card, identity, 7 * hand.DAY_MS, count, share, week)
        return steps
    span, count = _SPAN_MS[strength], rng.randint(*_PURCHASES[strength])
    steps = _run(scene, card, identity, span, count, rng.uniform(*_SHARE[strength]))
    paid = m.payment(scene.victim, card, int(card.plastic[6] * rng.uniform(0.4, 0.9)))
    back = m.following(paid, "PAYMENT_RETURN", refers=False)
    if strength == "blatant":
        paid_at, back_at = 0, rng.randrange(span, 4 * hand.DAY_MS)
    else:
        paid_at = rng.randrange(3 * hand.DAY_MS, 7 * hand.DAY_MS)
        back_at = paid_at + rng.randrange(2 * hand.DAY_MS, 5 * hand.DAY_MS)
    return [*steps, Step(paid_at, paid), Step(back_at, back)]


def _run(
    scene: Scene, card: Card, identity: Values, span: int, count: int, share: float, week: int = 0
) -> list[Step]:
    """`count` purchases of `share` of the limit within one span, the larger ones later."""
    rng, home = scene.rng, scene.victim.home
    sizes = [(1 + 1.5 * place / count) * rng.uniform(0.6, 1.4) for place in range(count)]
    limit_cents = card.plastic[6] / MINOR_PER_EURO_CENT[home.currency]
    scale = limit_cents * share / sum(sizes)
    times = scene.in_the_day(count, span / 1000, scene.victim.stays_in)
    return [
        Step(week * span + at, _use(scene, card, identity, scale * size), True)
        for at, size in zip(times, sizes, strict=True)
    ]


def _use(scene: Scene, card: Card, identity: Values, cents: float) -> Transaction:
    rng, victim, city = scene.rng, scene.victim, scene.victim.stays_in
    if rng.random() < _CASH_LIKE:
        place = rng.choice(("atm", "cash_like", "cash_like"))
        is_machine = place == "atm"
        return m.in_store(
            victim, card, rng.choice(scene.merchants.shelf(place, city).merchants), cents,
            channel="ATM" if is_machine else "POS",
            transaction_type="cash" if is_machine else "quasi_cash",
        )  # fmt: skip
    if rng.random() < 0.5:
        return m.remote(victim, card, rng.choice(hand.resale_online(scene)), cents, identity)
    return m.in_store(victim, card, rng.choice(hand.resale_in_town(scene, city)), cents)
