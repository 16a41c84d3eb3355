"""What each pattern catches, when, and which ordinary life it leaves alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from fraudstream_platform.detection.rules import RULES
from fraudstream_platform.detection.sample import START, bronze, sample_row, token
from fraudstream_platform.detection.step import Detector, StepResult


def run(rows: list[dict[str, Any]]) -> StepResult:
    """One step over `rows`."""
    return Detector(quality_threshold=0.0).step(bronze(rows), "2026-01-05T12")


def remote(number: int, **changes: Any) -> dict[str, Any]:
    """An online purchase."""
    online = {"entry_mode": "ecom", "channel": "ECOM", "source": "ONLINE", "latitude": None}
    return sample_row(number, **{**online, "longitude": None, **changes})


def alerted(rows: list[dict[str, Any]]) -> list[tuple[int, list[str]]]:
    """Offsets that alert, and their patterns."""
    alerts = run(rows).alerts
    return list(zip(alerts["offset"].to_list(), alerts["patterns"].to_list(), strict=True))


def test_card_testing_is_caught_at_the_fourth_probe() -> None:
    """Tiny and refused attempts at several merchants within minutes."""
    refused = {"outcome": "declined_data", "response_code": "14"}
    rows = [
        remote(9 * i, billing_amount_minor=100, merchant_id=f"m-{i}", **refused) for i in range(4)
    ]
    assert alerted(rows) == [(27, ["card_testing"])]


def test_a_velocity_attack_is_caught_at_the_fifth_attempt() -> None:
    """Five purchases within minutes on a card that is used once a day."""
    assert alerted([remote(60 * i) for i in range(5)]) == [(240, ["velocity_attack"])]


def test_merchant_initiated_series_are_not_velocity() -> None:
    """A subscription's retries are the merchant's doing."""
    assert alerted([remote(60 * i, initiator="MIT") for i in range(9)]) == []


def test_an_impossible_trip_is_caught_at_once() -> None:
    """Berlin, then New York ten minutes later."""
    away = {"latitude": 40.7, "longitude": -74.0}
    assert alerted([sample_row(0), sample_row(600, **away)]) == [(600, ["impossible_geography"])]


@pytest.mark.parametrize(
    "change",
    [
        {"latitude": 40.7, "longitude": -74.0, "device_pan": token("ca", 5)},
        {"latitude": 40.7, "longitude": -74.0, "entry_mode": "ecom", "channel": "ECOM"},
        {"latitude": 40.7, "longitude": -74.0, "event_time": START + timedelta(hours=9)},
        {"latitude": 53.55, "longitude": 10.0, "geo_precision_km": 200.0},
        {"latitude": 52.4, "longitude": 13.0},
    ],
    ids=["partner's wallet", "online", "by plane", "country centroid", "next town"],
)
def test_possible_trips_are_not_alerted(change: dict[str, Any]) -> None:
    """Ordinary life that looks like an impossible trip."""
    when = change.get("event_time", START + timedelta(minutes=10))
    rows = [sample_row(0), sample_row(600, **{"event_time": when, **change, "append_time": when})]
    assert alerted(rows) == []


def test_rising_amounts_are_caught_at_the_fourth() -> None:
    """A run of approvals, each about twice the one before."""
    rows = [remote(120 * i, billing_amount_minor=2_000 * 2**i) for i in range(4)]
    assert alerted(rows) == [(360, ["amount_probing"])]


def test_fuel_authorisations_are_not_probing() -> None:
    """A pump authorises a round sum first and corrects it after."""
    rows = [sample_row(120 * i, billing_amount_minor=2_000 * 2**i, mcc="5542") for i in range(4)]
    assert alerted(rows) == []
