"""Attacks: every pattern and strength keeps to the ranges that its file states."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from typing import Any

import fastavro
import numpy as np
import pytest

from fraudstream_platform.contracts.codes import HARD_CODES
from fraudstream_platform.contracts.schemas import avro_schema
from fraudstream_platform.protection.tokens import Tokeniser
from fraudstream_platform.simulator.behaviour import Life
from fraudstream_platform.simulator.injector import (
    DEMO_PATTERNS,
    NEEDS_CREDIT,
    PATTERNS,
    QUICK_PATTERNS,
    SLOW_PATTERNS,
    account_takeover,
    amount_probing,
    bust_out,
    card_testing,
    impossible_geography,
    merchant_collusion,
    synthetic_identity,
    testing_of_many,
    velocity_attack,
)
from fraudstream_platform.simulator.injector.attack import STRENGTHS, Scene, Strength, compressed
from fraudstream_platform.simulator.merchants import Merchants
from fraudstream_platform.simulator.messages import Step
from fraudstream_platform.simulator.places import MINOR_PER_EURO_CENT, distance_km
from fraudstream_platform.simulator.population import Population
from fraudstream_platform.simulator.record import Transaction
from fraudstream_platform.simulator.stream import StreamConfig, stream
from fraudstream_platform.simulator.truth import TRUE_DELAYS, Attack, Labels

TOKENISER = Tokeniser(b"simulator-test-key")
PEOPLE = Population(3, 1_000, TOKENISER)
SHOPS = Merchants(3)
SCHEMA = fastavro.parse_schema(avro_schema("transaction"))
START_MS = 1_763_940_000_000
DAY_S = 86_400
EVERY = [(pattern, strength) for pattern in PATTERNS for strength in STRENGTHS]
OF_ONE = ("card_testing", "velocity_attack", "impossible_geography", "amount_probing",
          "account_takeover")  # fmt: skip
VICTIMS = range(0, 1_000, 25)
FEW_VICTIMS = range(0, 1_000, 250)


def planned(pattern: str, strength: Strength, victim: int) -> list[Step]:
    rng = random.Random(victim)
    life = Life(PEOPLE, SHOPS, rng)
    joining = Population(4, 1, TOKENISER, spare=30)
    customer = PEOPLE.customer(victim)
    while pattern in NEEDS_CREDIT and all(c.plastic[6] is None for c in PEOPLE.cards(customer)):
        customer = PEOPLE.customer(customer.index + 1)
    scene = Scene(
        rng, PEOPLE, SHOPS, life, customer, START_MS, newcomer=lambda opened: joining.newcomer()
    )
    return compressed(PATTERNS[pattern](scene, strength), 1.0)


def fraud(steps: list[Step]) -> list[Step]:
    return [step for step in steps if step.fraudulent]


def span_s(steps: list[Step]) -> float:
    return (steps[-1].offset_ms - steps[0].offset_ms) / 1000


@pytest.mark.parametrize(("pattern", "strength"), EVERY)
def test_every_message_fits_the_contract(pattern: str, strength: Strength) -> None:
    """An attack that lands in quarantine is never seen by a detector."""
    for victim in FEW_VICTIMS:
        for step in planned(pattern, strength, victim):
            record = step.transaction._replace(head=("t", START_MS, START_MS)).as_dict()
            assert fastavro.validate(record, SCHEMA, raise_errors=True)


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("pattern", OF_ONE)
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
    """Stated: above 900 km/h and 100 km between places that are known; stealthy just below."""
    for victim in VICTIMS:
        steps = planned("impossible_geography", strength, victim)
        home, abroad = next(pair for pair in pairwise(steps) if pair[1].fraudulent)
        a, b = (step.transaction.merchant for step in (home, abroad))
        km = distance_km(a[6], a[7], b[6], b[7])
        speed = km / ((abroad.offset_ms - home.offset_ms) / 3_600_000)
        assert km > 120
        if strength == "stealthy":
            assert 350 < speed < 1_000
        else:
            assert km > 250 and speed > impossible_geography.MIN_SPEED_KM_H
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


@pytest.mark.parametrize("strength", STRENGTHS)
def test_takeover_ranges(strength: Strength) -> None:
    """Stated: the change, then so many uses in the span at so many times the usual amount."""
    for victim in VICTIMS:
        steps = fraud(planned("account_takeover", strength, victim))
        low, high = account_takeover.USES[strength]
        assert low <= len(steps) <= high
        assert span_s(steps) <= account_takeover.SPAN_S[strength][1]
        usual = 3_500 * PEOPLE.customer(victim).spend_factor
        low_times, high_times = account_takeover.TIMES_USUAL[strength]
        for step in steps:
            assert 0.98 * low_times <= _euro_cents(step.transaction) / usual <= 1.02 * high_times
        changed = [at for at in steps[0].transaction.changes if at is not None]
        if strength == "stealthy":
            assert changed == []
            assert {step.transaction.identity[8] for step in steps} == {"residential"}
        else:
            low_s, high_s = account_takeover.GAP_S[strength]
            assert set(changed) == {START_MS}
            assert 1000 * low_s <= steps[0].offset_ms <= 1000 * high_s
        own = set(PEOPLE.online(PEOPLE.customer(victim))[4:7])
        assert not own & {value for step in steps for value in step.transaction.identity[4:7]}


@pytest.mark.parametrize("strength", STRENGTHS)
def test_testing_of_many_ranges(strength: Strength) -> None:
    """Stated: cards, span, shops, devices, declined share, and who is cashed out."""
    for victim in FEW_VICTIMS:
        steps = fraud(planned("testing_of_many", strength, victim))
        tries = [one for one in steps if _euro_cents(one.transaction) <= 310]
        cash = [one for one in steps if _euro_cents(one.transaction) > 310]
        low, high = testing_of_many.CARDS[strength]
        assert low <= len(tries) <= high
        assert len({one.transaction.account[1] for one in tries}) == len(tries)
        low_s, high_s = testing_of_many.SPAN_S[strength]
        assert low_s - 1 <= span_s(tries) <= high_s
        low_shops, high_shops = testing_of_many.SHOPS[strength]
        assert low_shops <= len({one.transaction.merchant[0] for one in tries}) <= high_shops
        devices = {one.transaction.identity[4] for one in tries}
        low_n, high_n = testing_of_many.DEVICES.get(strength, (len(tries), len(tries)))
        assert low_n <= len(devices) <= high_n
        declined = np.mean([not one.transaction.approved for one in tries])
        assert abs(declined - testing_of_many.DECLINED[strength]) < 0.02
        nobodys = [one for one in tries if one.transaction.account[0] is None]
        assert {one.transaction.auth[4] for one in nobodys} == {"14"}
        assert {one.transaction.key for one in nobodys} == {
            one.transaction.account[1] for one in nobodys
        }
        if strength == "normal":
            assert 0.03 <= len(cash) / len(tries) <= 0.13
            assert all(step.offset_ms <= 1000 * DAY_S for step in cash)
        else:
            assert cash == []


@pytest.mark.parametrize("strength", STRENGTHS)
def test_collusion_ranges(strength: Strength) -> None:
    """Stated: so many shops, cards and transactions in the span, round amounts, camouflage."""
    for victim in FEW_VICTIMS:
        steps = planned("merchant_collusion", strength, victim)
        ring = fraud(steps)
        assert len(ring) == merchant_collusion.TRANSACTIONS[strength]
        shops = {one.transaction.merchant[0] for one in ring}
        assert len(shops) == merchant_collusion.SHOPS[strength]
        cards = {one.transaction.account[1] for one in ring}
        assert len(cards) == merchant_collusion.CARDS[strength]
        assert span_s(ring) <= merchant_collusion.SPAN_S[strength]
        even = [one.transaction.money[0] % 1_000 == 0 for one in ring]
        assert 0.3 < np.mean(even) < 0.75
        elsewhere = [one for one in steps if one.transaction.merchant[0] not in shops]
        if strength == "stealthy":
            assert {one.transaction.account[1] for one in elsewhere} <= cards
            assert abs(len(elsewhere) / (len(elsewhere) + len(ring)) - 0.6) < 0.05
        assert any(one.transaction.kind[1] == "REFUND" for one in steps)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_synthetic_identities_are_linked_as_stated(strength: Strength) -> None:
    """Stated: so many identities, linked by so many kinds of identifier."""
    for victim in FEW_VICTIMS:
        steps = fraud(planned("synthetic_identity", strength, victim))
        people = {one.transaction.account[0]: one.transaction.identity for one in steps}
        low, high = synthetic_identity.IDENTITIES[strength]
        assert low <= len(people) <= high
        assert span_s(steps) <= synthetic_identity.SPAN_S[strength]
        shared = {
            place: max(Counter(identity[place] for identity in people.values()).values())
            for place in range(7)
        }
        links = {place for place, most in shared.items() if most > 1} - {3}
        expected = {"blatant": {1, 2, 4}, "normal": {1, 2}, "stealthy": {6}}[strength]
        assert links - {6} == expected - {6} and expected <= links
        if strength == "normal":
            assert shared[1] == shared[2] == 2
        assert all(one.transaction.auth[0] == "ecom" for one in steps)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_bust_out_ranges(strength: Strength) -> None:
    """Stated: that share of the limit within the span, and payments that do not hold."""
    for victim in FEW_VICTIMS:
        steps = planned("bust_out", strength, victim)
        spent = fraud(steps)
        limit = spent[0].transaction.account[6]
        low, high = bust_out.SHARE[strength]
        share = sum(one.transaction.money[2] for one in spent) / limit
        assert 0.98 * low <= share <= 1.02 * high
        assert span_s(spent) <= bust_out.SPAN_S[strength]
        assert len({one.transaction.account[1] for one in spent}) == 1
        cash = [one.transaction.kind[5] in ("cash", "quasi_cash") for one in spent]
        assert 0.1 < np.mean(cash) < 0.95
        kinds = [one.transaction.kind[1] for one in steps if not one.fraudulent]
        assert kinds == ([] if strength == "stealthy" else ["PAYMENT", "PAYMENT_RETURN"])


def test_attacks_of_a_run_are_recorded_whole_and_in_order() -> None:
    """Recall is counted over attacks: a wrong id in the truth file falsifies it."""
    made = list(stream(5, 500, 90, tokeniser=TOKENISER, start_ms=START_MS, fraud_rate=0.01))
    sent: dict[str, Transaction] = {
        item.transaction_id: item for batch in made for item in batch.transactions
    }
    attacks = [attack for batch in made for attack in batch.attacks]
    assert {attack.pattern for attack in attacks} == set(QUICK_PATTERNS)
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


def test_the_demo_can_test_many_cards_and_take_accounts_over() -> None:
    """A live demo of six patterns compresses each into seconds, many customers' cards included."""
    names = ("testing_of_many", "account_takeover")
    made = list(stream(
        5, 300, 70, tokeniser=TOKENISER, start_ms=START_MS, fraud_rate=0.05, patterns=names
    ))  # fmt: skip
    attacks = [attack for batch in made for attack in batch.attacks]
    assert {attack.pattern for attack in attacks} == set(names)
    for attack in attacks:
        assert attack.last_ms - attack.first_ms <= 42_000
        assert bool(attack.customer) == (attack.pattern == "account_takeover")
    assert set(names) <= set(DEMO_PATTERNS)


def test_patterns_that_take_weeks_are_refused_where_weeks_are_seconds() -> None:
    """Compressed to seconds they would be another, easier pattern under the same name."""
    assert not SLOW_PATTERNS & set(DEMO_PATTERNS)
    with pytest.raises(ValueError, match="history"):
        StreamConfig(1, 10, 10, START_MS, patterns=("bust_out",))


def test_labels_of_a_true_time_world_take_days_weeks_and_months() -> None:
    """A model trained on labels that nobody could have had yet would be fooling us."""
    day_ms = 1000 * DAY_S
    for pattern, kinds in (
        ("account_takeover", {"fraud_report": (0, 10), "chargeback": (14, 60)}),
        ("testing_of_many", {"fraud_report": (0, 10)}),
        ("bust_out", {"charge_off": (90, 150)}),
    ):
        labels = Labels(random.Random(2), 0.0, TRUE_DELAYS)
        for number in range(400):
            labels.after_attack(Attack("a", pattern, "normal", "c", transaction_ids=[f"{number}"]))
        due = labels.take_due(10**15)
        assert {one["label_type"] for one in due} == set(kinds)
        assert 0.85 < len(due) / 400 < 0.95
        for one in due:
            low, high = kinds[one["label_type"]]
            assert low * day_ms <= one["reported_at"] <= high * day_ms


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
