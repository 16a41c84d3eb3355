"""The step as a pure function of state and rows."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from fraudstream_platform.contracts.tables import ALERT_SCHEMA, QUARANTINE_SCHEMA, SILVER_SCHEMA
from fraudstream_platform.detection import dedup
from fraudstream_platform.detection.catalogue import FEATURES_SCHEMA
from fraudstream_platform.detection.sample import bronze, sample_bronze, sample_row, token
from fraudstream_platform.detection.step import DUPLICATE, POOR, Detector, StepResult
from fraudstream_tests.unit.streams import streams

PROPERTY = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FRAMES = ("silver", "quarantine", "features", "alerts")


def joined(results: list[StepResult]) -> StepResult:
    """The frames of several steps, one after the other."""
    return StepResult(*(pl.concat([getattr(r, name) for r in results]) for name in FRAMES))


def same(left: StepResult, right: StepResult) -> None:
    """Every frame agrees in every bit."""
    for name in FRAMES:
        assert_frame_equal(getattr(left, name), getattr(right, name), check_exact=True)


@PROPERTY
@given(streams, st.lists(st.integers(0, 60), max_size=8))
def test_any_cut_into_steps_gives_the_same_rows(
    rows: list[dict[str, Any]], cuts: list[int]
) -> None:
    """Replay cuts the log differently: a difference would double or lose alerts after a crash."""
    frame = bronze(rows)
    whole = Detector(quality_threshold=0.8).step(frame, "h")
    bounds = sorted({0, frame.height, *(min(cut, frame.height) for cut in cuts)})
    detector = Detector(quality_threshold=0.8)
    parts = [detector.step(frame[:0], "h")]
    for start, stop in pairwise(bounds):
        parts.append(detector.step(frame[start:stop], "h"))
    same(whole, joined(parts))
    assert whole.silver.height + whole.quarantine.height == frame.height


@PROPERTY
@given(streams, st.integers(0, 60))
def test_exported_state_continues_as_if_nothing_happened(
    rows: list[dict[str, Any]], cut: int
) -> None:
    """A task resumes from a snapshot: a forgotten array would change scores silently."""
    frame = bronze(rows)
    first, second = frame[:cut], frame[cut:]
    one = Detector(quality_threshold=0.8)
    one.step(first, "h")
    other = Detector(quality_threshold=0.8)
    for partition in (0, 1):
        arrays = one.export_state(partition)
        assert all(a.dtype != np.object_ for a in arrays.values())
        other.import_state(partition, arrays)
    same(one.step(second, "h"), other.step(second, "h"))


def test_exported_state_is_a_copy() -> None:
    """A snapshot is written on another thread while the step goes on."""
    detector = Detector(quality_threshold=0.0)
    detector.step(sample_bronze(8), "h")
    exported = detector.export_state(0)
    before = {name: array.copy() for name, array in exported.items()}
    detector.step(bronze([sample_row(100)]), "h")
    assert all(np.array_equal(exported[name], before[name]) for name in before)


def test_an_empty_step_has_the_tables_schemas() -> None:
    """An idle flush writes frames of no rows, and their columns must fit the tables."""
    result = Detector(quality_threshold=0.8).step(sample_bronze(1)[:0], "h")
    assert result.silver.schema == SILVER_SCHEMA
    assert result.quarantine.schema == QUARANTINE_SCHEMA
    assert result.features.schema == FEATURES_SCHEMA
    assert result.alerts.schema == ALERT_SCHEMA


def test_a_full_step_has_the_tables_schemas() -> None:
    """Rows of every kind in one step."""
    rows = [*sample_bronze(8).to_dicts(), sample_row(20, mcc="x"), sample_row(0, offset=21)]
    result = Detector(quality_threshold=0.8).step(bronze(rows), "2026-01-05T12")
    assert result.silver.schema == SILVER_SCHEMA
    assert result.quarantine.schema == QUARANTINE_SCHEMA
    assert result.features.schema == FEATURES_SCHEMA
    assert result.alerts.schema == ALERT_SCHEMA
    assert result.alerts.height > 0
    assert set(result.alerts["lake_hour"]) == {"2026-01-05T12"}


def test_a_duplicate_is_quarantined_with_its_other_failures() -> None:
    """Each failed rule is named, and a bad row does not make its id known."""
    rows = [sample_row(i, transaction_id="same") for i in range(4)]
    rows[0]["currency"] = "???"
    rows[3]["mcc"] = "12"
    result = Detector(quality_threshold=0.0).step(bronze(rows), "h")
    assert result.silver["offset"].to_list() == [1]
    assert result.quarantine["failed_rules"].to_list() == [
        ["currency_known"], [DUPLICATE], ["mcc_known", DUPLICATE],
    ]  # fmt: skip


def test_duplicates_are_known_for_a_generation_and_forgotten_after_two() -> None:
    """The horizon is stated: at least 2^18 records, at most twice as many."""
    far = dedup.GENERATION
    offsets = [5, far + 4, 2 * far + 6, 2 * far + 7]
    rows = [sample_row(o, append_time=sample_row(0)["append_time"]) for o in offsets]
    for row in rows:
        row.update(transaction_id="same", event_time=row["append_time"])
    result = Detector(quality_threshold=0.0).step(bronze(rows), "h")
    assert result.silver["offset"].to_list() == [5, 2 * far + 6]


def test_poor_rows_are_quarantined_by_name() -> None:
    """The threshold is a setting; a row below it must not vanish without a reason."""
    poor = sample_row(1, bin8=None, customer=None, sent_at=None, latitude=None, longitude=None)
    result = Detector(quality_threshold=0.9).step(bronze([sample_row(0), poor]), "h")
    assert result.quarantine["failed_rules"].to_list() == [
        [POOR, "customer_missing", "bin8_missing", "sent_at_missing", "latitude_missing"]
    ]


def test_silent_entities_are_forgotten_at_fixed_offsets() -> None:
    """Memory is bounded by a rule that depends on the log alone."""
    detector = Detector(quality_threshold=0.0)
    detector.step(bronze([sample_row(0)]), "h")
    late = 50 * 86_400
    inside, outside = sample_row(late, offset=1), sample_row(late + 1, offset=1 << 16)
    for number, row in enumerate((inside, outside)):
        row.update(card=token("ca", number + 7), customer=None)
    detector.step(bronze([inside]), "h")
    assert detector.export_state(0)["card.meta"][0] == 2
    detector.step(bronze([outside]), "h")
    assert detector.export_state(0)["card.meta"][0] == 2
    assert detector.export_state(0)["customer.meta"][0] == 0


def test_eviction_keeps_the_rows_of_those_who_stay() -> None:
    """Rows move up when others leave: one left behind would hand a card another one's past."""
    frames = [bronze([sample_row(0, card=token("ca", 9), customer=None)])]
    late = 50 * 86_400
    frames.append(bronze([sample_row(late + i, offset=1 + i) for i in range(3)]))
    frames.append(bronze([sample_row(late + 3, offset=1 << 16)]))
    detector = Detector(quality_threshold=0.0)
    features = pl.concat([detector.step(frame, "h").features for frame in frames])
    assert detector.export_state(0)["card.meta"][0] == 1
    assert features["card_n_1h"].to_list() == [0, 0, 1, 2, 3]
    assert features["card_sum_1h"].to_list() == [0, 0, 2500, 5000, 7500]
