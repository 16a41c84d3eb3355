"""What every pattern and every feature must keep, whichever it is."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from fraudstream_platform.detection.alerts import alert_id
from fraudstream_platform.detection.batch import Batch
from fraudstream_platform.detection.catalogue import FEATURES, INTEGERS, REALS
from fraudstream_platform.detection.catalogue_docs import features_page
from fraudstream_platform.detection.events import HASHED, read_events
from fraudstream_platform.detection.hashing import fnv1a, hash_columns
from fraudstream_platform.detection.patterns import PATTERNS
from fraudstream_platform.detection.rules import RULES
from fraudstream_platform.detection.sample import START, bronze, sample_bronze, sample_row, token
from fraudstream_platform.detection.scoring import action, score_batch, severity
from fraudstream_platform.detection.step import Detector, StepResult

DOCS = Path(__file__).resolve().parents[2] / "docs" / "features.md"


def batch_of(rows: int, seed: int = 1) -> Batch:
    """A batch of random features: patterns must stand any of them."""
    chance = np.random.default_rng(seed)
    frame = sample_bronze(max(rows, 1))[:rows]
    integers = chance.integers(0, 40, (rows, len(INTEGERS)))
    reals = 10.0 ** chance.uniform(-1, 5, (rows, len(REALS)))
    reals[chance.random(rows) < 0.3] = np.nan
    return Batch(read_events(frame, hash_columns(frame, HASHED)), integers, reals)


def run(rows: list[dict[str, Any]]) -> StepResult:
    """One step over `rows`."""
    return Detector(quality_threshold=0.0).step(bronze(rows), "2026-01-05T12")


@pytest.mark.parametrize("name", PATTERNS)
def test_signals_are_shares_and_repeatable(name: str) -> None:
    """A NaN or a signal above 1 would make noisy-or meaningless."""
    pattern = PATTERNS[name]
    signal = pattern.signal(batch_of(400), RULES)
    assert signal.shape == (400,)
    assert np.all((signal >= 0) & (signal <= 1))
    assert np.array_equal(signal, pattern.signal(batch_of(400), RULES))
    assert pattern.signal(batch_of(0), RULES).shape == (0,)


@pytest.mark.parametrize("name", PATTERNS)
def test_a_signal_depends_on_its_own_row_only(name: str) -> None:
    """Else a cut of the stream into steps would change scores."""
    batch = batch_of(100)
    whole = PATTERNS[name].signal(batch, RULES)
    frame = sample_bronze(100)[40:70]
    events = read_events(frame, hash_columns(frame, HASHED))
    part = Batch(events, batch.integers[40:70], batch.reals[40:70])
    assert np.array_equal(PATTERNS[name].signal(part, RULES), whole[40:70])


@pytest.mark.parametrize("name", PATTERNS)
def test_reasons_read_well_wherever_the_pattern_fires(name: str) -> None:
    """An analyst acts on the reason: it has a stable code, numbers, and no 'nan'."""
    batch = batch_of(400)
    prefixes = {
        "card_testing": "CT", "velocity_attack": "VA", "impossible_geography": "IG",
        "amount_probing": "AP",
    }  # fmt: skip
    fired = np.flatnonzero(PATTERNS[name].signal(batch, RULES))
    assert fired.size
    for row in fired:
        for reason in PATTERNS[name].reasons(batch, int(row), RULES):
            assert re.fullmatch(prefixes[name] + r"\d\d", reason.code)
            assert re.search(r"\d", reason.text)
            assert reason.entity in {"card", "customer", "instrument"}


def test_feature_names_are_unique_and_the_page_is_up_to_date() -> None:
    """Two features of one name would overwrite each other's column."""
    assert len({feature.name for feature in FEATURES}) == len(FEATURES)
    assert DOCS.read_text() == features_page()


def test_alert_ids_are_stable() -> None:
    """Recomputed after a crash, an alert must be the same alert."""
    assert alert_id("t-1", "v") == alert_id("t-1", "v") != alert_id("t-1", "w")


def test_kernel_hash_is_fnv1a() -> None:
    """Hashes stand in snapshots, so they may not follow a library's version."""
    frame = sample_bronze(3).with_columns(customer=pl.lit(None, pl.String))
    hashes = hash_columns(frame, ("transaction_id", "customer"))
    assert hashes["transaction_id"].tolist() == [fnv1a(f"t-{i}") for i in range(3)]
    assert hashes["customer"].tolist() == [0, 0, 0]
    assert int(fnv1a("a")) == 0xAF63DC4C8601EC8C  # from the reference implementation
    assert hash_columns(frame[1:2], ("transaction_id",))["transaction_id"][0] == fnv1a("t-1")


def test_a_null_hashes_to_0_whatever_lies_in_its_place() -> None:
    """A null read back from Parquet may keep bytes: all cards without a wallet were one wallet."""
    ends = np.array([0, 30, 60, 60], np.int64)
    buffers = [bytes([0b001]), ends.tobytes(), b"a" * 60]
    array = pa.LargeStringArray.from_buffers(3, *map(pa.py_buffer, (*buffers[1:], buffers[0])), 2)
    frame = pl.DataFrame({"device_pan": pl.from_arrow(array)})
    assert frame["device_pan"].to_list() == ["a" * 30, None, None]
    assert hash_columns(frame, ["device_pan"])["device_pan"].tolist() == [fnv1a("a" * 30), 0, 0]


def test_scores_grow_with_independent_evidence() -> None:
    """Two families together weigh more than each alone, and never beyond 1000."""
    batch = batch_of(400)
    scores = score_batch(batch, RULES)
    strongest = np.max(np.stack(list(scores.signals.values())), axis=0)
    assert np.all(scores.score >= np.floor(1000 * strongest + 0.5))
    assert np.all(scores.score <= 1000)
    assert [action(s, RULES) for s in (0, 599, 600, 849, 850)] == [
        "allow", "allow", "review", "review", "block",
    ]  # fmt: skip
    assert [severity(s, RULES) for s in (599, 600, 850, 925)] == [
        "low", "medium", "high", "critical",
    ]  # fmt: skip


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
