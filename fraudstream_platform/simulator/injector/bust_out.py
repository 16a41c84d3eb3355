"""Bust-out: months of paying well, then the whole limit at once, and never a payment that holds.

| strength | spent | span | payments |
|---|---|---|---|
| blatant | 85-110 % of the limit | 48 h | one makes room and is returned afterwards |
| normal | 70-95 % of the limit | 14 days | one is returned meanwhile |
| stealthy | 10-15 points of the limit a week | 4 weeks | none |

Half goes to what is as good as cash (transfers, exchange, bets, notes), half to what sells again.
"""

from __future__ import annotations

from fraudstream_platform.simulator import messages as m
from fraudstream_platform.simulator.injector.attack import Scene, Strength
from fraudstream_platform.simulator.messages import Step
from fraudstream_platform.simulator.places import MINOR_PER_EURO_CENT
from fraudstream_platform.simulator.population import Card
from fraudstream_platform.simulator.record import Transaction

WEEKS = 4
SHARE = {
    "blatant": (0.85, 1.10), "normal": (0.70, 0.95), "stealthy": (0.10 * WEEKS, 0.15 * WEEKS),
}  # fmt: skip
SPAN_S = {"blatant": 172_800.0, "normal": 1_209_600.0, "stealthy": WEEKS * 604_800.0}
USES = {"blatant": (8, 14), "normal": (12, 20), "stealthy": (4 * WEEKS, 6 * WEEKS)}
PAYMENT = {"blatant": (0.6, 0.9), "normal": (0.35, 0.6)}
"""Share of the limit that a payment pretends to pay."""
_RETURNED_AFTER_S = {"blatant": (150_000.0, 260_000.0), "normal": (200_000.0, 400_000.0)}
_CASH_SHARE = 0.5


def plan(scene: Scene, strength: Strength) -> list[Step]:
    """The run-up with a credit card of the victim, who is the fraudster."""
    rng = scene.rng
    card = next(card for card in scene.cards if card.plastic[6] is not None)
    limit, span_s = card.limit_minor, SPAN_S[strength]
    count = rng.randint(*USES[strength])
    times = scene.in_the_day(count, span_s, scene.victim.home)
    # Bolder towards the end, except where it has to stay small each week.
    weights = [
        rng.uniform(0.7, 1.3) * (1.0 if strength == "stealthy" else 1 + place / count)
        for place in range(count)
    ]
    total = rng.uniform(*SHARE[strength]) * limit
    steps = []
    for at, weight in zip(times, weights, strict=True):
        use = _use(scene, card, total * weight / sum(weights))
        steps.append(Step(at, use, fraudulent=True))
    return [*steps, *_payment(scene, strength, card)]


def _use(scene: Scene, card: Card, billed_minor: float) -> Transaction:
    rng, home = scene.rng, scene.victim.home
    cents = billed_minor / MINOR_PER_EURO_CENT[home.currency]
    draw = rng.random()
    if draw < _CASH_SHARE * 0.3:
        machine = rng.choice(scene.merchants.shelf("atm", home).merchants)
        return m.in_store(
            scene.victim, card, machine, cents,
            entry_mode="chip", channel="ATM", transaction_type="cash",
        )  # fmt: skip
    if draw < _CASH_SHARE:
        office = rng.choice(scene.merchants.shelf("cash_like", home).merchants)
        return m.in_store(scene.victim, card, office, cents, transaction_type="quasi_cash")
    shelf = scene.merchants.shelf("store", home).merchants
    dear = [shop for shop in shelf if shop.category.mcc in ("5732", "5944")]
    return m.in_store(scene.victim, card, rng.choice(dear), cents, terminal=rng.randrange(16))


def _payment(scene: Scene, strength: Strength, card: Card) -> list[Step]:
    """A payment that does not hold; no transaction of the fraud's own value."""
    if strength not in PAYMENT:
        return []
    rng = scene.rng
    amount = max(1, int(card.limit_minor * rng.uniform(*PAYMENT[strength])))
    payment = m.payment(scene.victim, card, amount)
    paid_s = 0.0 if strength == "blatant" else rng.uniform(86_400, 4 * 86_400)
    back_s = paid_s + rng.uniform(*_RETURNED_AFTER_S[strength])
    returned = m.following(payment, "PAYMENT_RETURN", refers=False)
    return [Step(int(1000 * paid_s), payment), Step(int(1000 * back_s), returned)]
