"""Rules of a clean transaction: each can fail, and both ways of checking them agree."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fraudstream_platform.contracts.codes import CASH_LIKE_MCCS, CURRENCIES, RESALE_MCCS
from fraudstream_platform.contracts.limits import AMOUNT_LIMITS
from fraudstream_platform.contracts.schemas import IDENTITY_KINDS, transaction_schema
from fraudstream_platform.contracts.validation import (
    CROSS_RULES,
    judge,
    pandera_failures,
    rule_expressions,
)
from fraudstream_platform.detection.sample import START, bronze, sample_row
from fraudstream_platform.simulator.places import CATEGORIES

BREAKS: dict[str, dict[str, Any]] = {
    "transaction_id_format": {"transaction_id": "a b"},
    "original_id_format": {"original_id": ""},
    "utc_offset_min_range": {"utc_offset_min": 900},
    "message_type_known": {"message_type": "HELLO"},
    "source_known": {"source": "FAX"},
    "channel_known": {"channel": "FAX"},
    "transaction_type_known": {"transaction_type": "gift"},
    "initiator_known": {"initiator": "XIT"},
    "amount_minor_range": {"amount_minor": -1},
    "currency_known": {"currency": "EURO"},
    "billing_amount_minor_range": {"billing_amount_minor": 10**12},
    "bin8_format": {"bin8": "4000"},
    "product_known": {"product": "gold"},
    "credit_limit_minor_range": {"credit_limit_minor": -5},
    "merchant_id_format": {"merchant_id": ""},
    "acquirer_id_format": {"acquirer_id": "a b"},
    "terminal_id_format": {"terminal_id": "x" * 65},
    "mcc_known": {"mcc": "5410"},
    "amount_fits_currency": {"amount_minor": 10**9 + 1},
    "merchant_country_known": {"merchant_country": "XX"},
    "latitude_range": {"latitude": 91.0},
    "longitude_range": {"longitude": float("nan")},
    "geo_precision_km_range": {"geo_precision_km": -1.0},
    "entry_mode_known": {"entry_mode": "telepathy"},
    "cvv_result_known": {"cvv_result": "maybe"},
    "avs_result_known": {"avs_result": "maybe"},
    "tds_status_known": {"tds_status": "Z"},
    "response_code_format": {"response_code": "0"},
    "outcome_known": {"outcome": "perhaps"},
    "ip_country_known": {"ip_country": "de"},
    "ip_type_known": {"ip_type": "office"},
    "key_agrees": {"key_agrees": False},
    "customer_or_card_required": {"customer": None, "card": None},
    "event_time_too_old": {"event_time": START - timedelta(days=30, seconds=1)},
    "event_time_in_future": {"event_time": START + timedelta(minutes=5, seconds=1)},
    "original_id_required": {"message_type": "REVERSAL"},
    "terminal_required_card_present": {"terminal_id": None},
    "outcome_matches_response_code": {"response_code": "51"},
    "mit_not_card_present": {"initiator": "MIT"},
    "place_complete": {"latitude": None},
    **{f"{name}_format": {name: "clear@example.org"} for name in IDENTITY_KINDS},
    **{
        name: {name.removesuffix("_required"): None}
        for name in rule_expressions()
        if name.endswith("_required")
        and name not in CROSS_RULES
        and name.removesuffix("_required") in {*transaction_schema(), "key_agrees", "append_time"}
    },
}


@pytest.mark.parametrize("rule", rule_expressions())
def test_every_rule_has_a_row_that_breaks_it(rule: str) -> None:
    """A rule that nothing can break protects nothing."""
    verdict = judge(bronze([sample_row(0), sample_row(0, **BREAKS[rule])]))
    assert rule in verdict.failed[1]
    assert 0 not in verdict.failed
    assert verdict.quality_score[1] < 0.8 < verdict.quality_score[0]


_ODD = st.sampled_from([change for changes in BREAKS.values() for change in changes.items()])
_ROWS = st.lists(st.lists(_ODD, max_size=3), min_size=1, max_size=12)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_ROWS)
def test_step_and_pandera_name_the_same_failures(changes: list[list[tuple[str, Any]]]) -> None:
    """Were they to differ, the lake's checks would contradict what the stream let through."""
    frame = bronze([sample_row(0, **dict(row)) for row in changes])
    failed = judge(frame).failed
    assert [failed.get(row, []) for row in range(frame.height)] == pandera_failures(frame)


def test_the_edges_of_time_are_inside() -> None:
    """Thirty days late and five minutes early are still accepted."""
    edges = [START - timedelta(days=30), START + timedelta(minutes=5)]
    assert not judge(bronze([sample_row(0, event_time=edge) for edge in edges])).failed


def test_a_longer_horizon_lets_history_in_and_no_older() -> None:
    """History that is sent today would be quarantined whole; a horizon without end hides clocks."""
    edges = [START - timedelta(days=days) for days in (31, 366, 367)]
    frame = bronze([sample_row(0, event_time=edge) for edge in edges])
    assert judge(frame, 366).failed == {2: ["event_time_too_old"]}
    assert pandera_failures(frame, 366) == [[], [], ["event_time_too_old"]]
    assert set(judge(frame).failed) == {0, 1, 2}


def test_each_currency_has_its_limit_and_that_is_inside() -> None:
    """A yen or a dinar judged by a dollar's limit hides amounts in wrong units, or refuses good ones."""
    assert set(AMOUNT_LIMITS) == set(CURRENCIES)
    known = {"EUR": 10**9, "PLN": 10**10, "JPY": 10**10, "KWD": 10**10, "INR": 10**11}
    assert known.items() <= AMOUNT_LIMITS.items()
    limits = sorted(AMOUNT_LIMITS.items())
    inside = [sample_row(0, currency=name, amount_minor=most) for name, most in limits]
    assert not judge(bronze(inside)).failed
    beyond = bronze([row | {"amount_minor": row["amount_minor"] + 1} for row in inside])
    failures = pandera_failures(beyond)
    assert all(
        "amount_fits_currency" in names or "amount_minor_range" in names for names in failures
    )
    assert [judge(beyond).failed.get(row, []) for row in range(beyond.height)] == failures


def test_categories_that_the_code_speaks_of_are_known() -> None:
    """A category that no record may have would make its features dead; schemes' own are a range."""
    spoken_of = {*CASH_LIKE_MCCS, *RESALE_MCCS, *(one.mcc for one in CATEGORIES), "3000", "3999"}
    assert not judge(bronze([sample_row(0, mcc=mcc) for mcc in sorted(spoken_of)])).failed
    false = ("0000", "1234", "4000", "541", "54111", "30O0", "5411\n")
    verdict = judge(bronze([sample_row(0, mcc=mcc) for mcc in false]))
    assert list(verdict.failed.values()) == [["mcc_known"]] * len(false)


def test_missing_fields_cost_only_where_they_can_be_expected() -> None:
    """A terminal has no e-mail address; an online shop has no terminal's place."""
    remote = {"entry_mode": "ecom", "channel": "ECOM", "source": "ONLINE", "terminal_id": None}
    place = {"latitude": None, "longitude": None, "geo_precision_km": None}
    rows = [sample_row(0), sample_row(0, **remote), sample_row(0, **place)]
    rows.append(sample_row(0, **remote, **place, device="de1_" + "x" * 22))
    scores = judge(bronze(rows)).quality_score
    assert scores.tolist() == [1.0, 0.88, 0.93, 0.92]
