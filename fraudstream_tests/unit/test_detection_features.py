"""The kernels against the naive oracle."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings

from fraudstream_platform.detection.catalogue import FEATURES
from fraudstream_platform.detection.sample import bronze, sample_row
from fraudstream_platform.detection.step import Detector
from fraudstream_tests.unit.exchange_oracle import ENTITIES
from fraudstream_tests.unit.oracle import Oracle
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
