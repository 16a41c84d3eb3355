"""Window planning: one pure function of what the sensor sees."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream_platform.defs.requests import policy_of
from fraudstream_platform.drain.planning import Plan, Policy, RunView, Window, plan
from fraudstream_platform.settings import Settings

pytestmark = pytest.mark.unit

HOUR = 3_600_000
POLICY = Policy("continuous", 60_000, 25_000, 6_000)
T0 = 500_000 * HOUR


def run(window: Window, state: str = "active", **fields: object) -> RunView:
    base = RunView("run-a", window, "active", window.start, None, window.start)
    return replace(base, state=state, **fields)  # type: ignore[arg-type]


def asked(found: Plan) -> Window:
    assert found.request is not None, found.reason
    return found.request


@given(st.integers(T0, T0 + 3 * HOUR))
def test_a_window_never_crosses_an_hour_and_leaves_time_to_warm(now: int) -> None:
    """Rows get their hour from their window: one that crossed would file them wrongly."""
    window = asked(plan(now, POLICY, [], 0))
    assert window.start == now
    assert window.stop <= (now // HOUR + 1) * HOUR
    assert window.stop - now >= POLICY.lead_ms or window.stop % HOUR == 0


@given(st.integers(T0, T0 + 3 * HOUR), st.integers(0, 90_000))
def test_windows_join(now: int, later: int) -> None:
    """A successor starts where its predecessor stops, and is asked for early enough."""
    first = asked(plan(now, POLICY, [], 0))
    then = max(now, first.stop - POLICY.lead_ms + min(later, POLICY.lead_ms))
    view = run(first, heartbeat_at=then)
    window = asked(plan(then, POLICY, [view], 0))
    assert window.start == first.stop
    assert window.attempt == 1


def test_a_silent_run_is_dead_and_replaced() -> None:
    """A killed run stays STARTED in Dagster for ever; its heartbeat tells."""
    window = Window(T0, T0 + 60_000, 1)
    found = plan(T0 + 30_000, POLICY, [run(window, heartbeat_at=T0 + 20_000)], 0)
    assert found.dead == ("run-a",)
    assert asked(found) == Window(T0, T0 + 60_000, 2)


def test_a_run_is_replaced_while_its_tasks_are_patient() -> None:
    """Sooner, a busy run is shot in mid-window; later, its tasks have left and nobody steps."""
    settings = Settings(_env_file=None)
    window = Window(T0, T0 + 60_000, 1)
    patience_ms = settings.run_lease_seconds * 1000

    def is_dead(silent_ms: float) -> bool:
        heard = run(window, heartbeat_at=round(T0 + 50_000 - silent_ms))
        return bool(plan(T0 + 50_000, policy_of(settings), [heard], 0).dead)

    assert not is_dead(settings.lease_seconds * 1000 + 1)
    assert is_dead(patience_ms - settings.warm_lead_seconds * 1000 / 3)


def test_failures_back_off() -> None:
    """An import error must not loop a run every tick."""
    window = Window(T0, T0 + 60_000, 1)
    runs = [
        run(replace(window, attempt=n), "failed", run_id=f"r{n}", ended_at=T0 + 10_000)
        for n in range(1, 6)
    ]
    assert plan(T0 + 12_000, POLICY, runs, 0).request is None
    assert asked(plan(T0 + 40_000, POLICY, runs, 0)).attempt == 6


def test_a_cancelled_run_holds_until_a_person_resumes() -> None:
    """Whoever cancels a run does not want it back five seconds later."""
    window = Window(T0, T0 + 60_000, 1)
    found = plan(T0 + 90_000, POLICY, [run(window, "cancelled")], 10)
    assert found.request is None
    assert "re-execute" in found.reason


def test_on_demand_runs_only_where_there_is_lag() -> None:
    """A quiet topic costs no run; a window that has stopped already drains to the log's end."""
    policy = replace(POLICY, mode="on_demand")
    assert plan(T0, policy, [], 0).request is None
    window = asked(plan(T0, policy, [], 5))
    assert window.start == window.stop == T0
