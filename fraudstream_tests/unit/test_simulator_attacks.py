"""Attacks: every pattern and strength keeps to the ranges that its file states."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import fastavro
import pytest

from fraudstream_platform.contracts.codes import HARD_CODES
from fraudstream_platform.contracts.schemas import avro_schema
from fraudstream_platform.protection.tokens import Tokeniser
from fraudstream_platform.simulator.behaviour import Life
from fraudstream_platform.simulator.injector import (
    PATTERNS,
    amount_probing,
    card_testing,
    impossible_geography,
    velocity_attack,
)
from fraudstream_platform.simulator.injector.attack import STRENGTHS, Scene, Strength, compressed
from fraudstream_platform.simulator.merchants import Merchants
from fraudstream_platform.simulator.messages import Step
from fraudstream_platform.simulator.places import MINOR_PER_EURO_CENT, distance_km
from fraudstream_platform.simulator.population import Population
from fraudstream_platform.simulator.record import Transaction
from fraudstream_platform.simulator.stream import stream
from fraudstream_platform.simulator.truth import Attack, Labels

TOKENISER = Tokeniser(b"simulator-test-key")
PEOPLE = Population(3, 1_000, TOKENISER)
SHOPS = Merchants(3)
SCHEMA = fastavro.parse_schema(avro_schema("transaction"))
START_MS = 1_763_940_000_000
EVERY = [(pattern, strength) for pattern in PATTERNS for strength in STRENGTHS]
VICTIMS = range(0, 1_000, 25)


def planned(pattern: str, strength: Strength, victim: int) -> list[Step]:
    rng = random.Random(victim)
    life = Life(PEOPLE, SHOPS, rng)
    scene = Scene(rng, PEOPLE, SHOPS, life, PEOPLE.customer(victim))
    return compressed(PATTERNS[pattern](scene, strength), 1.0)


def fraud(steps: list[Step]) -> list[Step]:
    return [step for step in steps if step.fraudulent]


def span_s(steps: list[Step]) -> float:
    return (steps[-1].offset_ms - steps[0].offset_ms) / 1000


@pytest.mark.parametrize(("pattern", "strength"), EVERY)
def test_every_message_fits_the_contract(pattern: str, strength: Strength) -> None:
    """An attack that lands in quarantine is never seen by a detector."""
    for victim in VICTIMS:
        for step in planned(pattern, strength, victim):
            record = step.transaction._replace(head=("t", START_MS, START_MS)).as_dict()
            assert fastavro.validate(record, SCHEMA, raise_errors=True)


@pytest.mark.parametrize(("pattern", "strength"), EVERY)
def test_the_victim_goes_on_and_all_is_one_customer(pattern: str, strength: Strength) -> None:
    """Without own transactions, silence would give the victims away."""
    for victim in VICTIMS:
        steps = planned(pattern, strength, victim)
        assert any(not step.fraudulent for step in steps)
        assert {step.transaction.account[0] for step in steps} == {PEOPLE.customer(victim).token}


@pytest.mark.parametrize("strength", STRENGTHS)
def test_card_testing_ranges(strength: Strength) -> None:
    """Stated: tries, span, declined share, shops, small amounts, then the cash-out."""
    for victim in VICTIMS:
        steps = fraud(planned("card_testing", strength, victim))
        outs = card_testing.CASH_OUTS[strength]
        tries, cash = steps[:-outs], steps[-outs:]
        low, high = card_testing.TRIES[strength]
        assert low <= len(tries) <= high
        low_s, high_s = card_testing.SPAN_S[strength]
        assert low_s - 1 <= span_s(tries) <= high_s
        refused = [one for one in tries if one.transaction.auth[4] in HARD_CODES]
        low_share, high_share = card_testing.DECLINED[strength]
        assert low_share - 0.07 <= len(refused) / len(tries) <= high_share + 0.07
        assert 3 <= len({one.transaction.merchant[0] for one in tries}) <= 5
        assert all(one.transaction.approved for one in cash)
        assert min(_euro_cents(one.transaction) for one in cash) > 14_000
        assert max(_euro_cents(one.transaction) for one in tries) <= 310


@pytest.mark.parametrize("strength", STRENGTHS)
def test_velocity_ranges(strength: Strength) -> None:
    """Stated: so many purchases with one card in the span."""
    for victim in VICTIMS:
        steps = fraud(planned("velocity_attack", strength, victim))
        low, high = velocity_attack.PURCHASES[strength]
        assert low <= len(steps) <= high
        assert span_s(steps) <= velocity_attack.SPAN_S[strength][1]
        assert len({step.transaction.account[1] for step in steps}) == 1


@pytest.mark.parametrize("strength", STRENGTHS)
def test_impossible_geography_is_faster_than_an_airliner(strength: Strength) -> None:
    """Stated: above 900 km/h and 100 km, between places that are known."""
    for victim in VICTIMS:
        steps = planned("impossible_geography", strength, victim)
        home, abroad = next(pair for pair in pairwise(steps) if pair[1].fraudulent)
        a, b = (step.transaction.merchant for step in (home, abroad))
        km = distance_km(a[6], a[7], b[6], b[7])
        hours = (abroad.offset_ms - home.offset_ms) / 3_600_000
        assert km > 250 and km / hours > impossible_geography.MIN_SPEED_KM_H
        assert all(s.transaction.auth[0] in ("magstripe", "fallback") for s in fraud(steps))


@pytest.mark.parametrize("strength", STRENGTHS)
def test_amount_probing_closes_in_on_the_limit(strength: Strength) -> None:
    """Stated: rising, then refusals 51 or 61, and no approval above a refusal."""
    for victim in VICTIMS:
        steps = fraud(planned("amount_probing", strength, victim))
        low, high = amount_probing.ATTEMPTS[strength]
        assert low <= len(steps) <= high
        approved = [_euro_cents(s.transaction) for s in steps if s.transaction.approved]
        refused = [_euro_cents(s.transaction) for s in steps if not s.transaction.approved]
        assert approved and refused
        assert max(approved) < min(refused)
        assert {s.transaction.auth[4] for s in steps} <= {"00", "51", "61"}


def test_attacks_of_a_run_are_recorded_whole_and_in_order() -> None:
    """Recall is counted over attacks: a wrong id in the truth file falsifies it."""
    made = list(stream(5, 500, 90, tokeniser=TOKENISER, start_ms=START_MS, fraud_rate=0.01))
    sent: dict[str, Transaction] = {
        item.transaction_id: item for batch in made for item in batch.transactions
    }
    attacks = [attack for batch in made for attack in batch.attacks]
    assert {attack.pattern for attack in attacks} == set(PATTERNS)
    for attack in attacks:
        mine = [sent[one] for one in attack.transaction_ids]
        times = [one.head[1] for one in mine]
        assert times == sorted(times)
        assert (attack.first_ms, attack.last_ms) == (times[0], times[-1])
        assert attack.last_ms - attack.first_ms <= 42_000
        assert {one.account[0] for one in mine} == {attack.customer}
        assert {one.account[1] for one in mine} == set(attack.cards)
        assert attack.genuine_ids
    share = sum(len(attack.transaction_ids) for attack in attacks) / len(sent)
    assert 0.004 < share < 0.011


def test_no_fraud_rate_means_no_attack() -> None:
    """A quiet month must be quiet."""
    made = list(stream(5, 500, 30, tokeniser=TOKENISER, start_ms=START_MS, fraud_rate=0.0))
    assert not any(any(batch.in_attack) for batch in made)


def test_labels_come_late_and_some_never() -> None:
    """Detectors that learn from labels before they exist would be fooling us."""
    labels = Labels(random.Random(1), fraud_rate=0.5)
    for number in range(500):
        labels.after_attack(
            Attack(
                f"a{number}",
                "velocity_attack",
                "normal",
                "c",
                transaction_ids=[f"t{number}"],
                last_ms=1,
            )
        )
    assert labels.take_due(5_000) == []
    due: list[dict[str, Any]] = labels.take_due(10**9)
    assert 425 < len(due) < 475
    schema = fastavro.parse_schema(avro_schema("transaction_label"))
    assert all(fastavro.validate(label, schema, raise_errors=True) for label in due)
    for number in range(4_000):
        labels.after_genuine(f"g{number}", 0)
    assert 60 < len(labels.take_due(10**9)) < 150


def _euro_cents(transaction: Transaction) -> float:
    amount, currency, _ = transaction.money
    return float(amount) / MINOR_PER_EURO_CENT[currency]
