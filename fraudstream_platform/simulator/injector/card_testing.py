"""Card testing: a stolen card's details are tried with small amounts, then cashed out.

| strength | tries | span | declined | shops | cash-out |
|---|---|---|---|---|---|
| blatant | 12-15 | 2-5 min | 80-90 % | 3-5 | 2 x 150-600 EUR |
| normal | 8-11 | 10-30 min | 60-75 % | 3-5 | 1 x 150-600 EUR |
| stealthy | 5-7 | 18-24 h | 35-45 % | 3-5 | 1 x 150-600 EUR |

Tries are verifications of 0 or payments of 0.50-3 EUR, refused with CVV wrong, no such card or
expired. All are about one victim's one to three cards; `testing_of_many` is about many victims'.
A stealthy tester uses another home's address for each try.
"""

from __future__ import annotations

from fraudstream_platform.simulator import messages as m
from fraudstream_platform.simulator.injector.attack import Scene, Strength
from fraudstream_platform.simulator.messages import Step
from fraudstream_platform.simulator.record import Values

TRIES = {"blatant": (12, 15), "normal": (8, 11), "stealthy": (5, 7)}
SPAN_S = {"blatant": (120, 300), "normal": (600, 1_800), "stealthy": (64_800, 86_400)}
DECLINED = {"blatant": (0.8, 0.9), "normal": (0.6, 0.75), "stealthy": (0.35, 0.45)}
CASH_OUTS = {"blatant": 2, "normal": 1, "stealthy": 1}
SMALL_CENTS = (50, 300)
CASH_CENTS = (15_000, 60_000)
_HARD = (m.WRONG_CVV, m.WRONG_CVV, m.NO_SUCH_CARD, m.EXPIRED)


def plan(scene: Scene, strength: Strength) -> list[Step]:
    """Tries at several online shops, one purchase of the victim's own, then the cash-out."""
    rng = scene.rng
    tries = rng.randint(*TRIES[strength])
    span_s = rng.uniform(*SPAN_S[strength])
    declined = round(tries * rng.uniform(*DECLINED[strength]))
    # The last try works, which is what makes the thief go on.
    answers = [True] * declined + [False] * (tries - declined - 1)
    rng.shuffle(answers)
    answers.append(False)
    shops = scene.online_shops(rng.randint(3, 5))
    identities = _identities(scene, strength, tries)
    steps = []
    for place, (at, refuse) in enumerate(zip(scene.spread(tries, span_s), answers, strict=True)):
        card = scene.cards[place % len(scene.cards)]
        verify = rng.random() < 0.4
        answer = rng.choice(_HARD) if refuse else m.VERIFIED if verify else m.APPROVED
        attempt = m.remote(
            scene.victim, card, shops[place % len(shops)],
            0 if verify else rng.randint(*SMALL_CENTS), identities[place % len(identities)],
            message_type="VERIFY" if verify else "AUTH", answer=answer,
        )  # fmt: skip
        steps.append(Step(at, attempt, fraudulent=True))
    own = Step(int(500 * span_s), scene.genuine(scene.card))
    for number in range(CASH_OUTS[strength]):
        cash = m.remote(
            scene.victim, scene.card, scene.online_shops(1)[0], rng.randint(*CASH_CENTS),
            identities[-1],
        )  # fmt: skip
        steps.append(Step(int(1000 * span_s * (1.1 + 0.1 * number)), cash, fraudulent=True))
    return [*steps, own]


def _identities(scene: Scene, strength: Strength, tries: int) -> list[Values]:
    if strength != "stealthy":
        return [scene.stranger(scene.rng.getrandbits(32))]
    country = scene.victim.home.country
    numbers = [scene.rng.getrandbits(32) for _ in range(tries)]
    return [scene.stranger(number, country, "residential") for number in numbers]
