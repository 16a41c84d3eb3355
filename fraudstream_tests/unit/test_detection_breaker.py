"""The breaker of a source: what it holds, from the log alone."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream_platform.detection.sample import START, bronze, sample_row
from fraudstream_platform.detection.step import HELD, POOR, Detector
from fraudstream_tests.breaker_oracle import held_rows

THRESHOLD = 0.8
GOOD: dict[str, Any] = {}
BROKEN: dict[str, Any] = {"currency": "EURO"}
ODD: dict[str, Any] = {"bin8": None, "customer": None, "sent_at": None, "product": None}


def frame_of(choices: list[tuple[int, str, dict[str, Any]]]) -> pl.DataFrame:
    return bronze(
        [
            sample_row(place, partition=partition, source=source, **change)
            for place, (partition, source, change) in enumerate(choices)
        ]
    )


def held_places(frame: pl.DataFrame) -> list[int]:
    quarantine = Detector(quality_threshold=THRESHOLD).step(frame, "h").quarantine
    return quarantine.filter(pl.col("failed_rules").list.contains(HELD))["offset"].to_list()


runs = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(("POS", "MOBILE", "FAX")),
        st.sampled_from((GOOD, BROKEN, ODD)),
        st.integers(1, 40),
    ),
    min_size=1,
    max_size=8,
).map(lambda found: [one[:3] for one in found for _ in range(one[3])])


@settings(max_examples=25, deadline=None)
@given(runs, st.lists(st.integers(0, 300), max_size=6))
def test_held_rows_follow_the_running_score_however_the_log_is_cut(
    choices: list[tuple[int, str, dict[str, Any]]], cuts: list[int]
) -> None:
    """A rebuild cuts otherwise than the live stream: a breaker of steps would give other tables."""
    frame = frame_of(choices)
    whole = Detector(quality_threshold=THRESHOLD).step(frame, "h")
    bounds = sorted({0, frame.height, *(min(cut, frame.height) for cut in cuts)})
    detector, parts = Detector(quality_threshold=THRESHOLD), []
    for start, stop in pairwise(bounds):
        moved = Detector(quality_threshold=THRESHOLD)  # resumed from a snapshot at every cut
        for partition in (0, 1):
            moved.import_state(partition, detector.export_state(partition))
        detector = moved
        parts.append(detector.step(frame[start:stop], "h").quarantine)
    assert pl.concat(parts).equals(whole.quarantine)
    scores = pl.concat([whole.silver, whole.quarantine], how="diagonal").sort("offset")
    rows = scores.select(
        "partition",
        pl.when(pl.col("source") == "FAX").then(pl.lit("other")).otherwise("source"),
        "quality_score",
    ).rows()
    oracle = [place for place, held in enumerate(held_rows(rows, THRESHOLD)) if held]
    assert sorted(held_places(frame)) == oracle


def test_a_source_of_rubbish_is_not_believed_until_it_has_recovered() -> None:
    """Silver stays clean of what a broken source sends between its broken rows; others go on."""
    choices = [(0, "POS", GOOD)] * 10 + [(0, "POS", BROKEN)] * 40
    choices += [(0, "POS", GOOD), (0, "MOBILE", GOOD), (1, "POS", GOOD)] + [(0, "POS", GOOD)] * 60
    result = Detector(quality_threshold=THRESHOLD).step(frame_of(choices), "h")
    good_but_held = result.quarantine.filter(pl.col("failed_rules") == [HELD])
    assert good_but_held["offset"][0] == 50
    assert 20 < good_but_held.height < 50
    assert {51, 52, 112} <= set(result.silver["offset"])


def test_a_few_bad_rows_open_nothing() -> None:
    """Every source has some: holding it for them would blind the detector."""
    choices = [(0, "POS", BROKEN if place % 3 == 0 else GOOD) for place in range(300)]
    assert held_places(frame_of(choices)) == []


def test_a_file_of_the_past_does_not_stop_the_present() -> None:
    """It is sent on the same topic, and much of it may be too old or too sparse for Silver."""
    old = {"event_time": START - timedelta(days=400)}
    choices = [(0, "POS", old if place % 4 else GOOD) for place in range(200)]
    assert held_places(frame_of(choices)) == []


def test_a_held_row_may_come_again() -> None:
    """Its id was not let through: a record sent again after the repair must not be a duplicate."""
    choices = [(0, "POS", BROKEN)] * 40 + [(0, "POS", GOOD)]
    again = sample_row(41, source="MOBILE", transaction_id="t-40")
    frame = pl.concat([frame_of(choices), bronze([again])])
    result = Detector(quality_threshold=THRESHOLD).step(frame, "h")
    assert result.silver["offset"].to_list() == [41]


def test_a_poor_row_says_what_it_lacks() -> None:
    """`quality_below_threshold` alone tells nobody what to repair at the source."""
    poor = sample_row(0, **ODD, contact_changed_at=sample_row(9)["event_time"])
    rows = Detector(quality_threshold=THRESHOLD).step(bronze([poor]), "h").quarantine
    assert rows["failed_rules"].to_list() == [
        [POOR, "customer_missing", "bin8_missing", "product_missing", "sent_at_missing",
         "change_after_event"],
    ]  # fmt: skip
