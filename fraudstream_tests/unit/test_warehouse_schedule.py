"""When the marts are built."""

from __future__ import annotations

from fraudstream_platform.scheduling import LastRun
from fraudstream_platform.warehouse.schedule import SLOW_EVERY_SECONDS, decide, slow_is_due

NOW = 10_000.0
EVERY = 60.0


def ended(started_s: float, *, failed: bool = False) -> LastRun:
    return LastRun(started_s, is_running=False, has_failed=failed)


def test_nothing_is_built_before_the_lake_has_rows() -> None:
    """Guards against builds that fail because set-up is not through yet."""
    assert not decide(NOW, None, None, EVERY).build


def test_first_rows_lead_to_the_first_build() -> None:
    """Guards against waiting for a predecessor that never was."""
    assert decide(NOW, NOW - 1, None, EVERY).build


def test_two_builds_never_overlap() -> None:
    """Guards against a second build that dies on DuckDB's file lock."""
    running = LastRun(NOW - 500, is_running=True, has_failed=False)
    decision = decide(NOW, NOW - 1, running, EVERY)
    assert not decision.build
    assert "500 s" in decision.reason


def test_builds_keep_their_distance_even_after_a_failure() -> None:
    """Guards against a failing build that takes a core for itself."""
    assert not decide(NOW, NOW - 1, ended(NOW - 59), EVERY).build
    assert not decide(NOW, NOW - 1, ended(NOW - 59, failed=True), EVERY).build
    assert decide(NOW, NOW - 1, ended(NOW - 60), EVERY).build


def test_an_idle_lake_is_left_alone() -> None:
    """Guards against endless builds of the same rows."""
    assert not decide(NOW, NOW - 300, ended(NOW - 200), EVERY).build


def test_rows_that_came_during_the_last_build_lead_to_another() -> None:
    """Guards against rows that are shown only once later ones have come."""
    assert decide(NOW, NOW - 95, ended(NOW - 100), EVERY).build


def test_a_failed_build_is_tried_again_without_new_rows() -> None:
    """Guards against marts that stay behind when the stream stops."""
    assert decide(NOW, NOW - 300, ended(NOW - 200, failed=True), EVERY).build


def test_slow_models_are_built_first_and_then_when_their_time_has_come() -> None:
    """Guards against a mart that is missing at first, or that slows every build."""
    assert slow_is_due(NOW, None)
    assert not slow_is_due(NOW, NOW - SLOW_EVERY_SECONDS + 1)
    assert slow_is_due(NOW, NOW - SLOW_EVERY_SECONDS)
