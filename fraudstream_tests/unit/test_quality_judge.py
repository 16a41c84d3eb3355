"""Measures of a window, and what they mean for a source."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from scipy.spatial.distance import jensenshannon

from fraudstream_platform.detection.sample import START, bronze, sample_row
from fraudstream_platform.detection.step import Detector
from fraudstream_platform.quality.judge import Judgement, Past, divergence, judge
from fraudstream_platform.quality.measures import Measured, measure

WELL = {"completeness": 0.99, "validity": 0.99, "uniqueness": 1.0, "timeliness": 1.0}


def measured(
    frame: pl.DataFrame, dead: tuple[str, ...] = (), threshold: float = 0.8
) -> dict[str, Measured]:
    """Figures by source, of what the step makes of the rows."""
    result = Detector(quality_threshold=threshold).step(frame, "h")
    rows = pl.concat([result.silver, result.quarantine], how="diagonal").with_columns(
        pl.lit("h").alias("hour"), pl.lit(7, pl.Int32).alias("schema_id")
    )
    found = measure(rows, pl.DataFrame({"hour": dead}, schema={"hour": pl.String}))
    return {one.source: one for one in found}


def test_figures_are_those_of_a_count_by_hand() -> None:
    """Every share has its own numerator: a repeat is not invalid, a late record not a repeat."""
    late = START - timedelta(hours=1)
    rows = [
        sample_row(0),
        sample_row(1, transaction_id="t-0"),
        sample_row(2, currency="EURO"),
        sample_row(3, event_time=late),
        sample_row(4, event_time=late, sent_at=None),
        sample_row(5, source="FAX"),
        sample_row(6, source="MOBILE", bin8=None),
    ]
    found = measured(bronze(rows), dead=("h",))
    pos = found["POS"]
    assert (pos.records, pos.valid, pos.quarantined, pos.held) == (5, 3, 2, 0)
    assert pos.shares["validity"] == 4 / 5
    assert pos.shares["uniqueness"] == 4 / 5
    assert pos.shares["timeliness"] == 3 / 4
    assert pos.failed_rules["currency_known"] == 1
    assert pos.distributions["currency"] == {"EUR": 4, "other": 1}
    assert pos.schema_ids == (7,)
    assert found["other"].shares["validity"] == 0.0
    assert found["MOBILE"].shares["completeness"] == pytest.approx(1 - 0.03 / 0.26)
    assert (found["topic"].records, found["topic"].shares["validity"]) == (8, 7 / 8)


def test_held_are_those_that_broke_nothing_themselves() -> None:
    """They are what a replay after the repair brings back."""
    rows = [sample_row(i, currency="EURO" if i < 40 else "EUR") for i in range(45)]
    pos = measured(bronze(rows))["POS"]
    assert (pos.valid, pos.quarantined, pos.held) == (0, 45, 5)


def window(records: int = 1_000, **changes: Any) -> Measured:
    shares = WELL | {"quality_score": 0.97} | changes.pop("shares", {})
    return Measured("h", "POS", records, records, shares=shares, **changes)


def lived(windows: list[Measured], threshold: float = 0.95) -> list[Judgement]:
    """Judgements of windows one after the other."""
    past: list[Past] = []
    found = []
    for one in windows:
        judged = judge(one, past, threshold)
        past.append(Past(judged.is_healthy, judged.is_degraded, one.shares, one.distributions))
        found.append(judged)
    return found


def notices(windows: list[Measured]) -> list[str | None]:
    return [one.notice for one in lived(windows)]


BAD = window(shares={"validity": 0.6})


def test_one_notice_a_change_and_none_a_window() -> None:
    """Who is told every two minutes stops reading."""
    windows = [window(), BAD, BAD, window(shares={"timeliness": 0.1}), window(), window(), window()]
    assert notices(windows) == [None, "degraded", None, None, None, "recovered", None]


def test_a_good_window_between_bad_ones_is_no_recovery() -> None:
    """A source that flaps is one incident."""
    assert notices([BAD, window(), BAD, window(), window()]) == [
        "degraded", None, None, None, "recovered",
    ]  # fmt: skip


def test_few_records_decide_nothing() -> None:
    """At night one bad record of ten is no incident, and ten good ones are no recovery."""
    few = window(10)
    assert notices([window(10, shares={"validity": 0.1}), BAD, few, few, few, window(), few]) == [
        None, "degraded", None, None, None, None, None,
    ]  # fmt: skip


def test_a_significant_fall_is_told_though_above_the_threshold() -> None:
    """A threshold alone notices a source that was perfect only when it is bad."""
    steady = [window(shares={"completeness": 0.995}) for _ in range(6)]
    judged = lived([*steady, window(shares={"completeness": 0.96})])[-1]
    assert judged.notice == "degraded"
    assert judged.reasons == ("completeness fell to 96.0% from 99.5%, the mean of 6 windows",)


def test_a_fall_that_chance_explains_is_not_told() -> None:
    """Shares of 60 records vary by percents."""
    steady = [window(60, shares={"completeness": 0.995 - 0.01 * (i % 3)}) for i in range(6)]
    assert lived([*steady, window(60, shares={"completeness": 0.96})])[-1].reasons == ()


def test_drift_is_told_and_becomes_normal_in_time() -> None:
    """A wrong currency that is a known one breaks no rule; a market that opened is no incident for ever."""
    euro = window(distributions={"currency": {"EUR": 900, "USD": 100}})
    yen = window(distributions={"currency": {"JPY": 900, "USD": 100}})
    judged = lived([euro] * 6 + [yen] * 32)
    assert judged[6].notice == "degraded"
    assert judged[6].drift_field == "currency"
    assert [one.notice for one in judged].count("recovered") == 1
    assert not judged[-1].is_degraded


def test_divergence_is_zero_for_the_same_and_one_for_nothing_in_common() -> None:
    """The bounds that the threshold is read against."""
    assert divergence({"a": 1, "b": 3}, {"a": 10, "b": 30}) == pytest.approx(0.0)
    assert divergence({"a": 5}, {"b": 5}) == pytest.approx(1.0)
    theirs = jensenshannon([5, 5, 0], [9, 1, 4], base=2) ** 2
    assert divergence({"a": 5, "b": 5}, {"a": 9, "b": 1, "c": 4}) == pytest.approx(theirs)
