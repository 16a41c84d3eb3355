"""Which hours `fraudstream rebuild` takes up, and what it says to a person who mistypes one."""

from __future__ import annotations

import pytest

from fraudstream_platform.drain.rebuild_plan import hours_between, plan_rebuild
from fraudstream_platform.drain.rebuild_refused import HourNotSealedError, refuse_unfinished
from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.hours import hour_end_ms

pytestmark = pytest.mark.unit

HOURS = ["2026-11-28T07", "2026-11-28T08", "2026-11-28T09"]


def test_hours_are_taken_in_order_across_midnight_with_both_ends() -> None:
    """Guards against a range that leaves its last hour out, or stops at a day's end."""
    assert hours_between("2026-11-27T22", "2026-11-28T01") == [
        "2026-11-27T22",
        "2026-11-27T23",
        "2026-11-28T00",
        "2026-11-28T01",
    ]
    assert hours_between(HOURS[0], HOURS[0]) == HOURS[:1]


@pytest.mark.parametrize("text", ["2026-11-28T9", "2026-11-28", "2026-02-30T01", "28.11. 9h", ""])
def test_what_is_no_hour_is_named_with_one_that_is(text: str) -> None:
    """Guards against `2026-11-28T9`, which sorts after every other hour of its day."""
    with pytest.raises(UserError, match=r"write it in UTC as 2026-11-28T09"):
        hours_between(text, HOURS[0])


def test_a_range_that_runs_backwards_is_refused() -> None:
    """Guards against a rebuild of nothing that says it is done."""
    with pytest.raises(UserError, match="exchange the two"):
        hours_between(HOURS[1], HOURS[0])


def test_hours_that_this_version_rebuilt_are_left_out() -> None:
    """Guards against a resumed rebuild that begins again at its first hour."""
    plan = plan_rebuild(HOURS, HOURS, HOURS[:2], again=False)
    assert (plan.due, plan.done, plan.empty) == (HOURS[2:], HOURS[:2], [])


def test_again_rebuilds_what_is_done() -> None:
    """Guards against a repair that is skipped because the damaged hour counts as done."""
    plan = plan_rebuild(HOURS, HOURS, HOURS, again=True)
    assert (plan.due, plan.done) == (HOURS, [])


def test_an_hour_without_bronze_is_left_as_it_is_even_again() -> None:
    """Guards against Silver replaced by nothing where Bronze was trimmed."""
    for again in (False, True):
        plan = plan_rebuild(HOURS, HOURS[1:], [], again=again)
        assert (plan.due, plan.empty) == (HOURS[1:], HOURS[:1])


def test_an_hour_is_refused_until_its_very_end() -> None:
    """Guards against an hour replaced while rows still come: they would stand twice."""
    end_ms = hour_end_ms(HOURS[0])
    refuse_unfinished(HOURS[0], end_ms)
    with pytest.raises(HourNotSealedError, match="is not over yet"):
        refuse_unfinished(HOURS[0], end_ms - 1)
