"""When the network is looked at again."""

from __future__ import annotations

from fraudstream_platform.network.schedule import decide
from fraudstream_platform.scheduling import LastRun

NOW = 1_000_000.0 + 1_800  # the middle of an hour


def ended(started_s: float, *, failed: bool = False) -> LastRun:
    return LastRun(started_s, is_running=False, has_failed=failed)


def test_nothing_is_looked_at_before_silver_has_rows() -> None:
    """Guards against runs that fail because set-up is not through yet."""
    assert not decide(NOW, None, None).refresh


def test_first_rows_lead_to_the_first_refresh() -> None:
    """Guards against waiting for a predecessor that never was."""
    assert decide(NOW, NOW - 1, None).refresh


def test_two_refreshes_never_overlap() -> None:
    """Guards against a second one that fences the first."""
    decision = decide(NOW, NOW - 1, LastRun(NOW - 500, is_running=True, has_failed=False))
    assert not decision.refresh
    assert "500 s" in decision.reason


def test_a_busy_stream_is_looked_at_every_three_minutes() -> None:
    """Guards against a refresh that never stops while rows keep coming."""
    assert not decide(NOW, NOW - 1, ended(NOW - 179)).refresh
    assert decide(NOW, NOW - 1, ended(NOW - 180)).refresh


def test_the_last_rows_of_a_stream_are_looked_at_within_a_minute() -> None:
    """Guards against a group that stays unseen because nothing follows it."""
    assert decide(NOW, NOW - 15, ended(NOW - 60)).refresh
    assert not decide(NOW, NOW - 14, ended(NOW - 60)).refresh
    assert not decide(NOW, NOW - 15, ended(NOW - 59)).refresh


def test_a_resting_stream_is_looked_at_once() -> None:
    """Guards against endless refreshes of the same rows."""
    assert not decide(NOW, NOW - 300, ended(NOW - 200)).refresh


def test_the_close_of_an_hour_leads_to_a_refresh() -> None:
    """Guards against an hour whose last rows wait for the next one's."""
    close = NOW // 3_600 * 3_600 + 3_600
    assert decide(close + 5, close - 1, ended(close - 30)).refresh
    assert not decide(close + 5, close - 40, ended(close - 30)).refresh


def test_a_failed_refresh_is_tried_again_without_new_rows_but_not_at_once() -> None:
    """Guards against a failing refresh that takes a core for itself, and against none at all."""
    assert not decide(NOW, NOW - 300, ended(NOW - 179, failed=True)).refresh
    assert decide(NOW, NOW - 300, ended(NOW - 180, failed=True)).refresh
