"""Held-out attacks: every pattern and strength stays inside the specification's table."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import fastavro
import numpy as np
import pytest

from fraudstream_platform.contracts.codes import HARD_CODES
from fraudstream_platform.contracts.schemas import avro_schema
from fraudstream_platform.protection.tokens import Tokeniser
from fraudstream_platform.simulator.behaviour import Life
from fraudstream_platform.simulator.heldout import HELDOUT
from fraudstream_platform.simulator.injector import NEEDS_CREDIT, PATTERNS
from fraudstream_platform.simulator.injector.attack import STRENGTHS, Scene, Strength, compressed
from fraudstream_platform.simulator.merchants import Merchants
from fraudstream_platform.simulator.messages import Step
from fraudstream_platform.simulator.places import CITIES, MINOR_PER_EURO_CENT, distance_km
from fraudstream_platform.simulator.population import Population
from fraudstream_platform.simulator.stream import Stream, StreamConfig
from fraudstream_platform.simulator.truth import Attack

TOKENISER = Tokeniser(b"simulator-test-key")
PEOPLE = Population(3, 1_000, TOKENISER)
SHOPS = Merchants(3)
SCHEMA = fastavro.parse_schema(avro_schema("transaction"))
START_MS = 1_763_978_400_000  # 2025-11-24T10:00Z: shops are open in Europe, closed in Asia
HOUR_S, DAY_S = 3_600, 86_400
EVERY = [(pattern, strength) for pattern in HELDOUT for strength in STRENGTHS]
ON_MANY = frozenset({"testing_of_many", "merchant_collusion", "synthetic_identity"})


def planned(pattern: str, strength: Strength, victim: int) -> list[Step]:
    rng = random.Random(victim)
    people = Population(4, 1, TOKENISER, spare=30)
    customer = PEOPLE.customer(victim)
    while pattern in NEEDS_CREDIT and all(c.plastic[6] is None for c in PEOPLE.cards(customer)):
        customer = PEOPLE.customer(customer.index + 1)
    scene = Scene(
        rng, PEOPLE, SHOPS, Life(PEOPLE, SHOPS, rng), customer, START_MS,
        newcomer=lambda opened: people.newcomer(),
    )  # fmt: skip
    return compressed(HELDOUT[pattern](scene, strength), 1.0)


def attacks(pattern: str, strength: Strength, count: int = 40) -> Iterator[list[Step]]:
    """The fraudulent steps of `count` attacks."""
    for victim in range(0, 1_000, 1_000 // count):
        yield [step for step in planned(pattern, strength, victim) if step.fraudulent]


def span_s(steps: list[Step]) -> float:
    return (steps[-1].offset_ms - steps[0].offset_ms) / 1000


def cents(step: Step) -> float:
    amount, currency, _ = step.transaction.money
    return float(amount / MINOR_PER_EURO_CENT[currency])


def times_usual(step: Step, spend_factor: float) -> float:
    return cents(step) / (3_500 * spend_factor)


def different(steps: list[Step], run: str, place: int) -> int:
    return len({getattr(step.transaction, run)[place] for step in steps})


def declined(steps: list[Step]) -> float:
    return sum(step.transaction.auth[4] in HARD_CODES for step in steps) / len(steps)


def test_the_second_hand_knows_every_pattern() -> None:
    """A pattern without held-out attacks would be reported as if it had been tried."""
    assert list(HELDOUT) == list(PATTERNS)


@pytest.mark.parametrize(("pattern", "strength"), EVERY)
def test_every_message_fits_the_contract_and_follows_from_the_seed(
    pattern: str, strength: Strength
) -> None:
    """An attack in quarantine is never seen; one that differs by run cannot be looked into."""
    for victim in (0, 500):
        steps = planned(pattern, strength, victim)
        assert steps == planned(pattern, strength, victim)
        for step in steps:
            assert step.offset_ms >= 0
            record = step.transaction._replace(head=("t", START_MS, START_MS)).as_dict()
            assert fastavro.validate(record, SCHEMA, raise_errors=True)


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("pattern", sorted(set(HELDOUT) - ON_MANY))
def test_an_attack_on_one_is_on_one(pattern: str, strength: Strength) -> None:
    """Truth names one customer: steps of another would be counted as theirs."""
    for victim in range(0, 1_000, 100):
        steps = planned(pattern, strength, victim)
        assert len({step.transaction.account[0] for step in steps}) == 1
        if pattern != "bust_out":
            assert any(not step.fraudulent for step in steps)


@pytest.mark.parametrize(
    ("strength", "tries", "within_s", "refused", "shops", "devices"),
    [
        ("blatant", (10, 15), 600, 0.9, (1, 1), (1, 3)),
        ("normal", (8, 12), HOUR_S, 0.7, (3, 5), (2, 3)),
        ("stealthy", (5, 8), DAY_S, 0.4, (5, 8), (5, 8)),
    ],
)
def test_card_testing(
    strength: Strength, tries: tuple[int, int], within_s: float, refused: float,
    shops: tuple[int, int], devices: tuple[int, int],
) -> None:  # fmt: skip
    """Small or zero amounts, mostly refused, then 150-600 EUR within a day."""
    for steps in attacks("card_testing", strength):
        tried = [step for step in steps if cents(step) < 600]
        used = [step for step in steps if cents(step) >= 600]
        assert tries[0] <= len(tried) <= tries[1]
        assert span_s(tried) <= within_s
        assert declined(tried) == pytest.approx(refused, abs=0.08)
        assert shops[0] <= different(tried, "merchant", 0) <= shops[1]
        assert 1 <= different(tried, "identity", 4) <= devices[1]
        assert bool(used) == (strength != "stealthy")
        assert all(14_990 <= cents(step) <= 60_010 for step in used)
        assert steps[-1].offset_ms <= 1_000 * DAY_S


@pytest.mark.parametrize(
    ("strength", "cards", "within_s", "refused", "shops", "devices"),
    [
        ("blatant", (300, 1_000), 600, 0.9, (1, 1), (1, 3)),
        ("normal", (40, 120), HOUR_S, 0.7, (3, 5), (10, 20)),
        ("stealthy", (30, 60), DAY_S, 0.4, (20, 30), (30, 60)),
    ],
)
def test_testing_of_many(
    strength: Strength, cards: tuple[int, int], within_s: float, refused: float,
    shops: tuple[int, int], devices: tuple[int, int],
) -> None:  # fmt: skip
    """Each card once; of normal attacks 5-10 % are cashed out at 150-600 EUR within a day."""
    for steps in attacks("testing_of_many", strength, 5):
        tried = [step for step in steps if cents(step) < 400]
        used = [step for step in steps if cents(step) >= 400]
        assert cards[0] <= len(tried) <= cards[1]
        assert different(tried, "account", 1) == len(tried)
        assert span_s(tried) <= within_s
        assert declined(tried) == pytest.approx(refused, abs=0.03)
        assert shops[0] <= different(tried, "merchant", 0) <= shops[1]
        assert devices[0] <= different(tried, "identity", 4) <= devices[1]
        if strength == "normal":
            assert 0.05 <= len(used) / len(tried) <= 0.10
        else:
            assert not used
        assert all(14_990 <= cents(step) <= 60_010 for step in used)
        assert steps[-1].offset_ms <= 1_000 * DAY_S


@pytest.mark.parametrize(
    ("strength", "purchases", "within_s"),
    [("blatant", (15, 30), 600), ("normal", (6, 10), HOUR_S), ("stealthy", (5, 8), DAY_S)],
)
def test_velocity(strength: Strength, purchases: tuple[int, int], within_s: float) -> None:
    """So many purchases with one card; some in shops, some on the net."""
    sources = set()
    for steps in attacks("velocity_attack", strength):
        assert purchases[0] <= len(steps) <= purchases[1]
        assert span_s(steps) <= within_s
        assert different(steps, "account", 1) == 1
        sources.add(steps[0].transaction.kind[3])
    assert sources == {"POS", "ONLINE"}


@pytest.mark.parametrize(
    ("strength", "low_km", "high_km", "km_h"),
    [
        ("blatant", 1_500, 8_000, (900, 120_000)),
        ("normal", 300, 1_500, (900, 4_100)),
        ("stealthy", 150, 400, (400, 900)),
    ],
)
def test_geography(
    strength: Strength, low_km: float, high_km: float, km_h: tuple[float, float]
) -> None:
    """From the owner's terminal to the copy's, faster than possible; further only where it must be."""
    for victim in range(0, 1_000, 25):
        home, copy = next(
            pair
            for pair in pairwise(planned("impossible_geography", strength, victim))
            if pair[1].fraudulent
        )
        km = distance_km(*home.transaction.merchant[6:8], *copy.transaction.merchant[6:8])
        hours = (copy.offset_ms - home.offset_ms) / (1_000 * HOUR_S)
        assert km_h[0] < km / hours < km_h[1]
        here = PEOPLE.customer(victim).stays_in
        reach = [
            distance_km(here.latitude, here.longitude, city.latitude, city.longitude)
            for city in CITIES
        ]
        if any(low_km + 20 <= one <= high_km - 20 for one in reach):
            assert low_km <= km <= high_km
        if strength == "blatant":
            assert 5 / 60 <= hours <= 30 / 60


@pytest.mark.parametrize(
    ("strength", "attempts", "within_s", "shops"),
    [
        ("blatant", (5, 8), 600, (1, 1)),
        ("normal", (4, 5), HOUR_S, (2, 3)),
        ("stealthy", (3, 4), DAY_S, (2, 3)),
    ],
)
def test_probing(
    strength: Strength, attempts: tuple[int, int], within_s: float, shops: tuple[int, int]
) -> None:
    """Approvals stay below refusals, and the gap ends at most 30 % wide; steps are x 1.5-2.5."""
    for steps in attacks("amount_probing", strength):
        assert attempts[0] <= len(steps) <= attempts[1]
        assert span_s(steps) <= within_s
        assert shops[0] <= different(steps, "merchant", 0) <= shops[1]
        fit = [cents(step) for step in steps if step.transaction.approved]
        not_fit = [cents(step) for step in steps if not step.transaction.approved]
        assert max(fit) < min(not_fit) <= 1.31 * max(fit)
        assert {s.transaction.auth[4] for s in steps if not s.transaction.approved} <= {"51", "61"}
        if strength != "stealthy":
            amounts = [cents(step) for step in steps]
            rises = 1 + amounts.index(not_fit[0])
            steps_up = [b / a for a, b in pairwise(amounts[:rises])]
            assert all(1.49 <= one <= 2.51 for one in steps_up)


@pytest.mark.parametrize(
    ("strength", "uses", "within_s", "times", "lead_s"),
    [
        ("blatant", (4, 8), HOUR_S, (5, 15), (60, 1_800)),
        ("normal", (3, 5), 12 * HOUR_S, (2.5, 6), (2 * HOUR_S, 24 * HOUR_S)),
        ("stealthy", (2, 4), 5 * DAY_S, (1.2, 2.5), None),
    ],
)
def test_takeover(
    strength: Strength, uses: tuple[int, int], within_s: float, times: tuple[float, float],
    lead_s: tuple[float, float] | None,
) -> None:  # fmt: skip
    """A change, and so long after it the first use; amounts against the victim's usual one."""
    changed: set[tuple[bool, ...]] = set()
    for victim, steps in zip(
        range(0, 1_000, 25), attacks("account_takeover", strength), strict=True
    ):
        assert uses[0] <= len(steps) <= uses[1]
        assert span_s(steps) <= within_s
        factor = PEOPLE.customer(victim).spend_factor
        assert all(0.98 * times[0] <= times_usual(s, factor) <= 1.02 * times[1] for s in steps)
        changes = steps[0].transaction.changes
        changed.add(tuple(at is not None for at in changes))
        if lead_s is not None:
            assert {at for at in changes if at is not None} == {START_MS}
            assert lead_s[0] <= steps[0].offset_ms / 1000 <= lead_s[1]
    assert len(changed) == (1 if strength == "stealthy" else 4)
    assert (changed == {(False, False, False)}) == (strength == "stealthy")


@pytest.mark.parametrize(
    ("strength", "shares", "within_s"),
    [
        ("blatant", (0.85, 1.10), 2 * DAY_S),
        ("normal", (0.70, 0.95), 14 * DAY_S),
        ("stealthy", (0.30, 0.75), 35 * DAY_S),
    ],
)
def test_bust_out(strength: Strength, shares: tuple[float, float], within_s: float) -> None:
    """That share of the limit in the time; a payment and its return, but not for the patient."""
    for victim in range(0, 1_000, 50):
        steps = planned("bust_out", strength, victim)
        spent = [step for step in steps if step.fraudulent]
        limit = spent[0].transaction.account[6]
        share = sum(step.transaction.money[2] for step in spent) / limit
        assert 0.99 * shares[0] <= share <= 1.01 * shares[1]
        assert span_s(spent) <= within_s
        others = [step.transaction.kind[1] for step in steps if not step.fraudulent]
        assert others == ([] if strength == "stealthy" else ["PAYMENT", "PAYMENT_RETURN"])
        if strength == "stealthy":
            for week in {step.offset_ms // (7_000 * DAY_S) for step in spent}:
                paid = [s for s in spent if s.offset_ms // (7_000 * DAY_S) == week]
                assert 0.099 <= sum(s.transaction.money[2] for s in paid) / limit <= 0.151


@pytest.mark.parametrize(
    ("strength", "shops", "cards", "count", "within_s"),
    [
        ("blatant", 5, 40, 400, DAY_S),
        ("normal", 4, 25, 150, 3 * DAY_S),
        ("stealthy", 3, 15, 60, 14 * DAY_S),
    ],
)
def test_collusion(strength: Strength, shops: int, cards: int, count: int, within_s: float) -> None:
    """The ring as stated, on shared cards; a stealthy one's cards buy more elsewhere than in it."""
    for victim in range(0, 1_000, 200):
        steps = planned("merchant_collusion", strength, victim)
        ring = [step for step in steps if step.fraudulent]
        assert len(ring) == count
        assert different(ring, "merchant", 0) == shops
        assert different(ring, "account", 1) == cards
        assert span_s(ring) <= within_s
        even = [step.transaction.money[0] % 1_000 == 0 for step in ring]
        assert 0.2 < np.mean(even) < 0.65
        elsewhere = [s for s in steps if not s.fraudulent and s.transaction.kind[1] == "AUTH"]
        share = len(elsewhere) / (len(elsewhere) + count)
        assert share == pytest.approx(0.6 if strength == "stealthy" else 0.0)


@pytest.mark.parametrize(
    ("strength", "identities", "within_s", "kinds", "most_share"),
    [
        ("blatant", (12, 20), 30 * DAY_S, 3, 20),
        ("normal", (6, 10), 30 * DAY_S, 2, 2),
        ("stealthy", (4, 5), 60 * DAY_S, 1, 5),
    ],
)
def test_synthetic_identities(
    strength: Strength, identities: tuple[int, int], within_s: float, kinds: int, most_share: int
) -> None:
    """So many identities that share so many kinds of identifier, hub or chain, and stay online."""
    for steps in attacks("synthetic_identity", strength, 8):
        people = {step.transaction.account[0]: step.transaction.identity for step in steps}
        assert identities[0] <= len(people) <= identities[1]
        assert span_s(steps) <= within_s
        most = [
            max(Counter(identity[place] for identity in people.values()).values())
            for place in (1, 2, 4, 5, 6)
        ]
        # An IP address brings its network; a made-up neighbour may have the same one by chance.
        shared = [count > 1 for count in most]
        assert kinds <= sum(shared) <= kinds + 1
        assert max(most[:4]) <= most_share
        assert {step.transaction.kind[3] for step in steps} == {"ONLINE"}


def test_synthetic_identities_need_room() -> None:
    """Where nobody new can join, half a ring would be counted as a whole one."""
    rng, customer = random.Random(1), PEOPLE.customer(1)
    scene = Scene(rng, PEOPLE, SHOPS, Life(PEOPLE, SHOPS, rng), customer, START_MS)
    assert HELDOUT["synthetic_identity"](scene, "blatant") == []


def lived(injector: str) -> list[Attack]:
    config = StreamConfig.history(
        5, 60, 150, START_MS, fraud_rate=0.02, patterns=tuple(HELDOUT), strengths=STRENGTHS,
        finale=True, injector=injector,
    )  # fmt: skip
    return [one for batch in Stream(config, TOKENISER).batches() for one in batch.attacks]


def test_a_world_is_attacked_by_the_hand_that_was_asked_for() -> None:
    """The first hand's attacks, reported as held out, would flatter the detector."""
    second = lived("heldout")
    assert {attack.pattern for attack in second} == set(HELDOUT)
    assert [attack.as_json() for attack in second] == [a.as_json() for a in lived("heldout")]
    assert [attack.as_json() for attack in second] != [a.as_json() for a in lived("first")]
