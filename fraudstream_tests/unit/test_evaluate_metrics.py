"""The pure measures on cases made by hand: a wrong denominator is the classic silent failure."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream_platform.evaluate.metrics.accounts import (
    DAY_MS,
    Bothered,
    Episode,
    Span,
    account_days,
    attacked_days,
    bothered,
    look_alikes,
)
from fraudstream_platform.evaluate.metrics.cards import card_precision, hits_among
from fraudstream_platform.evaluate.metrics.cases import (
    CaseCounts,
    count_cases,
    reweighted_precision,
)
from fraudstream_platform.evaluate.metrics.course import Course
from fraudstream_platform.evaluate.metrics.deadlines import DEADLINES, is_met
from fraudstream_platform.evaluate.metrics.intervals import auc_interval, wilson
from fraudstream_platform.evaluate.metrics.money import savings, value_after_alert
from fraudstream_platform.evaluate.metrics.recall import cells, macro, median_and_p90
from fraudstream_platform.evaluate.metrics.scores import (
    average_precision,
    is_monotone,
    pr_curve,
    score_table,
    threshold_for,
)

HOUR_MS = 3_600_000


def course(
    pattern: str = "velocity_attack",
    strength: str = "normal",
    cents: tuple[float, ...] = (100.0, 200.0, 300.0, 400.0),
    seen: int = 0,
    **changes: Any,
) -> Course:
    """An attack with a transaction a second, each of an account of its own."""
    times = np.arange(len(cents), dtype=np.int64) * 1000 + 5_000
    made: dict[str, Any] = {
        "time_ms": times,
        "cents": np.array(cents),
        "account": np.arange(len(cents), dtype=np.int32),
        "alert_ms": int(times[seen - 1]) if seen else 0,
        **changes,
    }
    return Course(pattern, strength, seen=seen, **made)


def test_wilson_agrees_with_published_values() -> None:
    """An interval that is too narrow would pass gates on ten attacks."""
    share = wilson(8, 10)
    assert share.share == 0.8
    assert (share.low, share.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    full = wilson(20, 20)
    assert (full.low, full.high) == pytest.approx((0.8389, 1.0), abs=1e-4)
    assert wilson(0, 0).share is None
    with pytest.raises(ValueError, match="3 hits of 2"):
        wilson(3, 2)


@given(st.integers(0, 400), st.integers(1, 400))
def test_an_interval_holds_its_share(hits: int, n: int) -> None:
    """Guards against bounds outside [0, 1] or beside the share, which plots would hide."""
    share = wilson(min(hits, n), n)
    assert share.share is not None and share.low is not None and share.high is not None
    assert 0 <= share.low <= share.share + 1e-12
    assert share.share - 1e-12 <= share.high <= 1


def test_the_interval_of_an_area_narrows_with_its_attacks() -> None:
    """A leak test on a few attacks would pass whatever leaks."""
    low, high = auc_interval(0.5, 1_000, 100_000)
    assert (low, high) == pytest.approx((0.4821, 0.5179), abs=5e-4)
    assert auc_interval(0.5, 50, 100_000)[0] < 0.43


@pytest.mark.parametrize(
    ("made", "met"),
    [
        (course("velocity_attack", cents=(1.0,) * 6, seen=5), True),
        (course("velocity_attack", cents=(1.0,) * 6, seen=6), False),
        (course("account_takeover", "blatant", seen=2), True),
        (course("account_takeover", "blatant", seen=3), False),
        (course("account_takeover", "normal", seen=3), True),
        (course("account_takeover", "stealthy", seen=3), True),
        (course("impossible_geography", "blatant", seen=1), True),
        (course("velocity_attack", seen=0), False),
        # 100 of 1,000 were gone, then 300: the alert's own transaction counts.
        (course("bust_out", "blatant", seen=2), True),
        (course("bust_out", "blatant", seen=3), False),
        (course("bust_out", "normal", cents=(500.0, 500.0), seen=1), True),
    ],
)
def test_a_deadline_counts_up_to_and_including_the_alerts_transaction(
    made: Course, met: bool
) -> None:
    """Off by one, and attacks count as caught a transaction late."""
    assert is_met(made, DEADLINES[made.pattern]) is met


def test_groups_are_due_at_the_refresh_after_enough_of_them() -> None:
    """Counting transactions where identities are meant would give synthetic identities months."""
    pattern = "synthetic_identity"
    account = np.array([0, 0, 0, 1, 2, 3, 4, 5], np.int32)
    fifth_ms = 5_000 + 6 * 1000
    first, second = fifth_ms + 26 * HOUR_MS, fifth_ms + 50 * HOUR_MS
    refreshes = np.array([fifth_ms - 1, first, second])
    for alert_ms, met in ((fifth_ms - 1, True), (first, True), (second, False)):
        made = course(
            pattern, cents=(1.0,) * 8, seen=8, account=account, alert_ms=alert_ms,
            refreshes_ms=refreshes,
        )  # fmt: skip
        assert is_met(made, DEADLINES[pattern]) is met
    small = course(
        "merchant_collusion", cents=(1.0,) * 8, seen=8, alert_ms=first, refreshes_ms=refreshes
    )
    assert is_met(small, DEADLINES["merchant_collusion"])


def test_recall_divides_by_attacks_and_delays_by_those_alerted() -> None:
    """One large attack must weigh as one, and a missed one must not vanish from recall."""
    made = [
        course(cents=(1.0,) * 100, seen=3, named=("velocity_attack",)),
        course(seen=4, named=("card_testing",)),
        course(cents=(1.0,) * 9, seen=9, named=("velocity_attack",)),
        course(),
    ]
    (cell,) = cells(made)
    assert (cell.in_time.hits, cell.in_time.n) == (2, 4)
    assert (cell.ever.hits, cell.ever.n) == (3, 4)
    assert (cell.attributed.hits, cell.attributed.n) == (2, 3)
    assert cell.delays["transactions"] == [3.0, 4.0, 9.0]
    assert cell.delays["seconds"] == [2.0, 3.0, 8.0]
    assert median_and_p90(cell.delays["transactions"]) == {"median": 4.0, "p90": 8.0}
    assert median_and_p90([]) == {"median": None, "p90": None}


def test_macro_recall_gives_every_pattern_one_vote() -> None:
    """Else a thousand tested cards outvote every takeover."""
    many = [course("card_testing", seen=1) for _ in range(99)]
    found = cells([*many, course("account_takeover")])
    assert macro(found, "normal") == 0.5
    assert macro(found, "blatant") is None


def test_value_after_the_alert_leaves_out_the_alerts_own() -> None:
    """A block stops the next transaction: counting this one would flatter every figure of money."""
    found = cells(
        [course(seen=2), course(), course(strength="blatant", cents=(50.0, 50.0), seen=1)]
    )
    assert value_after_alert(found, "normal") == pytest.approx(700 / 2000)
    assert value_after_alert(found) == pytest.approx(750 / 2100)
    assert value_after_alert(found, "stealthy") is None
    saved = savings(found, cases=1)
    assert saved["share"] == pytest.approx((750 - 500) / 2100)


def test_a_case_is_right_once_and_by_one_alert_on_fraud() -> None:
    """Counting alerts instead of cases would reward repeating oneself."""
    case = np.array([7, 7, 7, 8, 9, 9])
    fraud = np.array([False, True, False, False, False, False])
    near = np.array([True, False, False, False, False, True])
    assert count_cases(case, fraud, near) == CaseCounts(right=1, near=1, wrong=1)
    assert count_cases(case[:0], fraud[:0], near[:0]) == CaseCounts()
    assert (CaseCounts(1, 2, 3) + CaseCounts(1, 1, 1)).cases == 9


def test_reweighting_scales_right_cases_by_the_odds() -> None:
    """Scaling by shares or the wrong way round would call 3 % precision 90 %."""
    assert reweighted_precision(90, 10, 0.005, to=0.005) == pytest.approx(0.9)
    odds = (0.0003 / 0.9997) / (0.005 / 0.995)
    assert reweighted_precision(90, 10, 0.005) == pytest.approx(90 * odds / (90 * odds + 10))
    assert reweighted_precision(0, 0, 0.005) is None
    assert reweighted_precision(1, 0, 0.0) is None


def test_accounts_are_counted_by_day_and_without_those_under_attack() -> None:
    """Rows instead of account-days would dilute false alarms by whoever pays most often."""
    account = np.array([0, 0, 0, 1, 1, 2, -1])
    time = np.array([1, 2, DAY_MS, 3, 2 * DAY_MS, 4, 5])
    active = account_days(account, time)
    assert active.shape == (5,)
    attacked = attacked_days([Span(1, 2, 3)])
    assert attacked.shape == (2,)
    alerted = account_days(account[[0, 1, 3]], time[[0, 1, 3]])
    assert bothered(active, alerted, attacked) == Bothered(1, 4)


def test_look_alikes_are_counted_by_kind_and_day_of_the_account() -> None:
    """An episode told twice, or one under attack, would blur the share of each kind."""
    hour = DAY_MS // 24
    episodes = [
        Episode("trip", 1, 10 * hour),
        Episode("trip", 1, 11 * hour),  # the same day
        Episode("trip", 1, DAY_MS + 10 * hour),  # the next
        Episode("trip", 2, 10 * hour),
        Episode("fuel", 1, 10 * hour),
        Episode("fuel", 3, 10 * hour),  # under attack
    ]
    found = look_alikes(
        episodes,
        np.array([1, 2, 3]),
        np.array([12 * hour, 9 * hour, 10 * hour]),
        [Span(3, 20 * hour, 21 * hour)],
    )
    assert found == {"trip": (1, 3), "fuel": (1, 1)}


def test_card_precision_ranks_cards_not_transactions() -> None:
    """A card with many alerts would take many of the hundred places."""
    day = np.array([0, 0, 0, 0, 0, 1, 1])
    card = np.array([1, 1, 2, 3, -1, 4, 5])
    score = np.array([900, 10, 800, 700, 1000, 5, 6])
    fraud = np.array([True, False, False, True, True, False, False])
    first, second = card_precision(day, card, score, fraud, k=2)
    assert (first.at_k, first.ceiling, first.at_fraud) == (0.5, 1.0, 0.5)
    assert (second.at_k, second.ceiling, second.at_fraud) == (0.0, 0.0, None)


def test_ties_at_the_cut_are_drawn_by_lot() -> None:
    """Thousands of cards score 0: the order of a sort would decide the figure."""
    score, bad = np.array([9, 0, 0, 0, 0]), np.array([True, True, False, False, True])
    assert hits_among(score, bad, 2) == pytest.approx(1 + 0.5)
    assert hits_among(score, bad, 9) == 3.0


def test_the_curve_flags_ties_together() -> None:
    """Splitting ties would give a threshold that nobody can set."""
    curve = pr_curve(
        np.array([5.0, 5.0, 3.0, 1.0]),
        np.array([1.0, 0.0, 1.0, 0.0]),
        np.array([0.0, 1.0, 0.0, 8.0]),
    )
    assert curve.threshold.tolist() == [5.0, 3.0, 1.0]
    assert curve.precision.tolist() == pytest.approx([0.5, 2 / 3, 2 / 11])
    assert curve.recall.tolist() == [0.5, 1.0, 1.0]
    assert average_precision(curve) == pytest.approx(0.5 * 0.5 + 0.5 * 2 / 3)


def test_a_budget_is_never_overspent() -> None:
    """A baseline that may flag more than the rules would win by volume."""
    score, weight = np.array([3.0, 2.0, 2.0, 1.0]), np.array([1.0, 2.0, 2.0, 9.0])
    assert threshold_for(score, weight, 5.0) == 2.0
    assert threshold_for(score, weight, 4.9) == 3.0
    assert math.isinf(threshold_for(score, weight, 0.5))


def test_bands_hold_every_score_once() -> None:
    """A score on a band's edge counted twice or never shifts precision where actions begin."""
    fraud, genuine = np.zeros(1001, np.int64), np.zeros(1001, np.int64)
    fraud[[599, 600, 1000]] = (1, 2, 4)
    genuine[[0, 599, 850]] = (90, 9, 1)
    low, middle, high = score_table(fraud, genuine, (0, 600, 850))
    assert (low["transactions"], low["precision"]["share"]) == (100, 0.01)
    assert (middle["to"], middle["transactions"], middle["precision"]["share"]) == (849, 2, 1.0)
    assert (high["to"], high["precision"]["hits"], high["precision"]["n"]) == (1000, 4, 5)
    assert low["precision_from_here_up"]["n"] == 107
    assert is_monotone([low, middle, high])
    fraud[600], genuine[600] = 0, 1_000
    assert not is_monotone(score_table(fraud, genuine, (500, 600, 850))[:2])
