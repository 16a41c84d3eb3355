"""The kernels against the naive oracle."""

from __future__ import annotations

import math
import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from fraudstream_platform.detection.catalogue import FEATURES
from fraudstream_platform.detection.sample import bronze, sample_row, token
from fraudstream_platform.detection.step import Detector
from fraudstream_tests.oracle.exchange import ENTITIES
from fraudstream_tests.oracle.features import Oracle
from fraudstream_tests.unit.streams import streams

PROPERTY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def compare(rows: list[dict[str, Any]]) -> int:
    """Compare all features of `rows`; returns how many rows became Silver."""
    result = Detector(quality_threshold=0.0).step(bronze(rows), "h")
    places = {(row["partition"], row["offset"]): row for row in rows}
    oracle = Oracle()
    for found in result.features.iter_rows(named=True):
        row = places[(found["partition"], found["offset"])]
        expected = oracle.features(row)
        for feature in FEATURES:
            if feature.entity in ENTITIES:
                continue  # of several partitions: test_detection_exchange.py
            if feature.entity in ("card", "customer") and row[feature.entity] is None:
                continue
            want, got = expected[feature.name], found[feature.name]
            told = f"{feature.name} at {row['partition']}/{row['offset']}: {got} for {want}"
            if feature.is_integer or want is None or got is None:
                assert got == want, told
            else:
                assert math.isclose(got, want, rel_tol=1e-9, abs_tol=1e-9), told
    return result.features.height


@PROPERTY
@given(streams)
def test_kernels_agree_with_the_oracle(rows: list[dict[str, Any]]) -> None:
    """A wrong window edge or a missed late event would only shift scores a little, unseen."""
    compare(rows)


def test_kernels_agree_beyond_the_ring() -> None:
    """More events in an hour than the ring holds: counts saturate as the definition says."""
    rows = [
        sample_row(
            i, billing_amount_minor=100 + 37 * i % 900, merchant_id=f"m-{i % 5}",
            outcome="approved" if i % 4 else "declined_issuer",
            response_code="00" if i % 4 else "51",
        )
        for i in range(90)
    ]  # fmt: skip
    assert compare(rows) == 90


def test_kernels_agree_over_a_long_and_varied_history() -> None:
    """What takes weeks to form, and what a customer forgets again, is beyond short streams."""
    chance = random.Random(3)
    rows = [
        sample_row(
            40_000 * i + chance.randrange(30_000), offset=i, transaction_id=f"t-{i}",
            card=token("ca", chance.randrange(2)),
            billing_amount_minor=int(chance.lognormvariate(7.5, 1.0)),
            merchant_id=f"m-{chance.randrange(60)}", mcc=f"{3000 + chance.randrange(30)}",
            merchant_country=chance.choice(("DE", "FR", "NL", "BE", "US", "GB")),
            device=token("de", chance.randrange(8)), ip_net=token("in", chance.randrange(12)),
            latitude=chance.uniform(-60, 60), longitude=chance.choice((-179.9, 13.4, 179.9)),
            transaction_type=chance.choice(("purchase", "purchase", "cash")),
            message_type=chance.choice(("AUTH", "AUTH", "AUTH", "AUTH", "PAYMENT_RETURN")),
            credit_limit_minor=200_000, open_to_buy_minor=chance.randrange(200_000),
        )
        for i in range(160)
    ]  # fmt: skip
    assert compare(rows) == 160


def column(rows: list[dict[str, Any]], name: str) -> list[Any]:
    """One feature of the rows, in their order."""
    return Detector(quality_threshold=0.0).step(bronze(rows), "h").features[name].to_list()


def test_a_new_device_stays_new_for_a_day() -> None:
    """An attack goes on after its first event: from the second on, its device would be a friend."""
    devices = [1, 1, 1, 1, 1, 1, 2, 2, 1, 2]
    hours = [0, 1, 2, 3, 4, 5, 6, 7, 8, 31]
    rows = [
        sample_row(3_600 * hour, device=token("de", device))
        for hour, device in zip(hours, devices, strict=True)
    ]
    assert column(rows, "customer_new_device") == [*[None] * 5, 0, 1, 1, 0, 0]
    assert column(rows, "customer_new_things_24h") == [*[None] * 5, 0, 1, 1, 1, 0]
    assert column(rows, "customer_devices_30d") == [1] * 6 + [2] * 4


def test_a_card_that_busts_out_drifts_from_its_usual_days() -> None:
    """Forty quiet days, a returned payment, then ten times the spend: every measure must move."""
    day, spends = 86_400, [3_000] * 40 + [30_000] * 4
    left = 500_000
    rows = []
    for number, spend in enumerate(spends):
        rows.append(
            sample_row(
                day * number, billing_amount_minor=spend, credit_limit_minor=500_000,
                open_to_buy_minor=left, transaction_type="cash" if spend > 3_000 else "purchase",
            )
        )  # fmt: skip
        left -= spend if spend > 3_000 else 0
    back = sample_row(day * 40 - 60, offset=day * 40 - 60, message_type="PAYMENT_RETURN")
    rows.insert(40, back)
    drift = column(rows, "card_page_hinkley")
    assert drift[39] == 0 and drift[-1] > 25
    assert column(rows, "card_spend_7d_over_90d")[-1] > 3.5
    assert column(rows, "card_utilisation")[-1] == pytest.approx(0.24)
    assert column(rows, "card_utilisation_change_7d")[-1] == pytest.approx(0.234)
    assert column(rows, "card_returned_payments_30d")[38:] == [0, 0, 0, 1, 1, 1, 1]
    assert column(rows, "card_cash_n_7d")[-1] == 3
    assert column(rows, "card_n_30d")[-1] == 29


def test_features_without_an_entity_are_zero_or_null() -> None:
    """A record without a customer must not be given the history of a neighbour."""
    rows = [sample_row(i, customer=None) for i in range(3)]
    found = Detector(quality_threshold=0.0).step(bronze(rows), "h").features
    assert found["customer_n_1h"].to_list() == [0, 0, 0]
    assert found["customer_since_last_s"].to_list() == [None, None, None]
    assert found["card_n_1h"].to_list() == [0, 1, 2]


def test_technical_failures_and_bad_rows_leave_no_trace() -> None:
    """An outage's retries, counted as declines, would alert on everybody."""
    rows = [
        sample_row(0),
        sample_row(1, outcome="technical", response_code="91"),
        sample_row(2, mcc="??"),
        sample_row(3),
    ]
    found = Detector(quality_threshold=0.0).step(bronze(rows), "h").features
    assert found["card_n_1h"].to_list() == [0, 1, 1]
    assert found["card_declines_1h"].to_list() == [0, 0, 0]


def test_an_event_a_day_late_is_not_counted_for_today() -> None:
    """Tiles repeat daily: a late event must not land in the same hour of a later day."""
    yesterday = sample_row(1)["event_time"] - timedelta(days=1)
    rows = [sample_row(0), sample_row(1, event_time=yesterday), sample_row(2)]
    found = Detector(quality_threshold=0.0).step(bronze(rows), "h").features
    assert found["card_n_24h"].to_list() == [0, 0, 1]
    assert compare(rows) == 3
