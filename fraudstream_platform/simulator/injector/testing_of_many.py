"""Card testing over many cards: which numbers of a list work.

| strength | cards | span | merchants | devices | declined | cashed out |
|---|---|---|---|---|---|---|
| blatant | 300-1,000 | 10 min | 1 | 1-3 | 90 % | none |
| normal | 40-120 | 60 min | 3-5 | 10-20 | 70 % | 5-10 % at 150-600 EUR within 24 h |
| stealthy | 30-60 | 24 h | 20-30 | own for each card | 40 % | none |

One try a card: a verification of 0 or a payment of 0.50-3 EUR. Most refused numbers are enumerated
in one BIN and belong to nobody (response 14); others are real with a wrong CVV or expired.
"""

from __future__ import annotations

from fraudstream_platform.simulator import messages as m
from fraudstream_platform.simulator.injector.attack import Scene, Strength
from fraudstream_platform.simulator.merchants import Merchant
from fraudstream_platform.simulator.messages import Step
from fraudstream_platform.simulator.population import TEST_BINS, Card, Customer
from fraudstream_platform.simulator.record import Transaction, Values

CARDS = {"blatant": (300, 1_000), "normal": (40, 120), "stealthy": (30, 60)}
SPAN_S = {"blatant": (400, 600), "normal": (2_400, 3_600), "stealthy": (64_800, 86_400)}
SHOPS = {"blatant": (1, 1), "normal": (3, 5), "stealthy": (20, 30)}
DEVICES = {"blatant": (1, 3), "normal": (10, 20)}
DECLINED = {"blatant": 0.9, "normal": 0.7, "stealthy": 0.4}
NOBODYS = {"blatant": 0.9, "normal": 0.75, "stealthy": 0.3}
"""Of the refused cards, how many belong to nobody."""
CASHED_OUT = {"normal": (0.05, 0.10)}
SMALL_CENTS = (50, 300)
CASH_CENTS = (15_000, 60_000)
_CASH_OUT_WITHIN_S = 86_400
_HARD = (m.WRONG_CVV, m.WRONG_CVV, m.EXPIRED)


def plan(scene: Scene, strength: Strength) -> list[Step]:
    """The tries, the cash-out, and a purchase of somebody whose card was tried."""
    rng = scene.rng
    count = rng.randint(*CARDS[strength])
    span_s = rng.uniform(*SPAN_S[strength])
    shops = scene.online_shops(rng.randint(*SHOPS[strength]))
    devices = _devices(scene, strength, count)
    refused = round(count * DECLINED[strength])
    invented = round(refused * NOBODYS[strength])
    real = scene.others(count - invented)
    first = rng.randrange(scene.population.first_free_number, 10_000_000 - count)
    bin8, product = rng.choice(TEST_BINS)
    tries: list[tuple[Customer, Card, m.Answer | None]] = [
        (scene.victim, scene.invented(bin8, product, first + place), m.NO_SUCH_CARD)
        for place in range(invented)
    ]
    for place in range(count - invented):
        holder = real[place % len(real)]
        answer = rng.choice(_HARD) if place < refused - invented else None
        tries.append((holder, holder.card, answer))
    rng.shuffle(tries)
    steps = []
    for place, (at, (holder, card, answer)) in enumerate(
        zip(scene.spread(count, span_s), tries, strict=True)
    ):
        shop = shops[place % len(shops)]
        identity = devices[place % len(devices)]
        steps.append(Step(at, _try(scene, holder, card, answer, shop, identity), fraudulent=True))
    worked = [holder for holder, _, answer in tries if answer is None]
    own = Step(int(500 * span_s), scene.life.in_town(worked[0], worked[0].card))
    return [*steps, *_cash_out(scene, strength, worked, span_s, devices), own]


def _devices(scene: Scene, strength: Strength, cards: int) -> list[Values]:
    """Identities of the testers: few and hosted, or one in somebody's home for each card."""
    rng = scene.rng
    country = scene.victim.home.country
    if strength == "stealthy":
        return [scene.stranger(rng.getrandbits(32), country, "residential") for _ in range(cards)]
    return [scene.stranger(rng.getrandbits(32)) for _ in range(rng.randint(*DEVICES[strength]))]


def _try(
    scene: Scene,
    holder: Customer,
    card: Card,
    answer: m.Answer | None,
    shop: Merchant,
    identity: Values,
) -> Transaction:
    verify = scene.rng.random() < 0.4
    worked = m.VERIFIED if verify else m.APPROVED
    return m.remote(
        holder, card, shop, 0 if verify else scene.rng.randint(*SMALL_CENTS), identity,
        message_type="VERIFY" if verify else "AUTH", answer=answer or worked,
    )  # fmt: skip


def _cash_out(
    scene: Scene,
    strength: Strength,
    worked: list[Customer],
    span_s: float,
    devices: list[Values],
) -> list[Step]:
    if strength not in CASHED_OUT:
        return []
    rng = scene.rng
    tried = len(worked) / (1 - DECLINED[strength])
    count = max(1, round(tried * rng.uniform(*CASHED_OUT[strength])))
    steps = []
    for holder in rng.sample(worked, min(count, len(worked))):
        at_s = rng.uniform(span_s, _CASH_OUT_WITHIN_S)
        (shop,) = scene.online_shops(1)
        cash = m.remote(holder, holder.card, shop, rng.randint(*CASH_CENTS), rng.choice(devices))
        steps.append(Step(int(1000 * at_s), cash, fraudulent=True))
    return steps
