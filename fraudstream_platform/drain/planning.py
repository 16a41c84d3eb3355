"""Which run to request next: one pure function of what the sensor sees.

Windows are spans of append time that never cross an hour. Their stops stand on a grid of
DRAIN_WINDOW_SECONDS; a window starts where its predecessor stops, or now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

RunState = Literal["active", "succeeded", "failed", "cancelled"]

DRAIN_JOB = "drain"
STOP_TAG = "fraudstream/window_stop"
"""Run tag: when the window of a drain run stops, ISO 8601."""

_HOUR_MS = 3_600_000
_MAX_BACKOFF_MS = 60_000
_START_GRACE_MS = 60_000
"""A run that was requested may take this long until its first heartbeat."""


@dataclass(frozen=True)
class Window:
    """A span of append time, epoch ms, and the attempt at it (from 1)."""

    start: int
    stop: int
    attempt: int

    @property
    def run_key(self) -> str:
        """Dagster's run key: never reused, since the attempt is part of it."""
        return f"{self.start}-{self.stop}/{self.attempt}"


@dataclass(frozen=True)
class RunView:
    """What the sensor knows of one drain run. Times are epoch ms; None where not known."""

    run_id: str
    window: Window
    state: RunState
    created_at: int
    ended_at: int | None
    heartbeat_at: int | None


@dataclass(frozen=True)
class Policy:
    """The settings that planning depends on; times in ms."""

    mode: Literal["continuous", "on_demand"]
    window_ms: int
    lead_ms: int
    lease_ms: int
    """How long a run may be silent."""


@dataclass(frozen=True)
class Plan:
    """What to do now: at most one window to request, runs that are dead, and why if nothing."""

    request: Window | None
    dead: tuple[str, ...]
    reason: str


def plan(now: int, policy: Policy, runs: Sequence[RunView], lag: int) -> Plan:
    """Decide from the drain runs (any order) and the lag in records. `now` is epoch ms."""
    dead = tuple(run.run_id for run in runs if _is_dead(now, policy, run))
    if not runs:
        return _first(now, policy, lag, dead)
    newest = max(runs, key=lambda run: (run.window.start, run.window.attempt, run.created_at))
    if newest.state == "cancelled":
        return Plan(
            None,
            dead,
            f"on hold: run {newest.run_id[:8]} was cancelled by a person; "
            "re-execute it to resume draining",
        )
    if newest.state == "failed" or newest.run_id in dead:
        return _again(now, newest, runs, dead)
    if newest.state == "succeeded":
        return _next(now, policy, newest.window, lag, dead)
    if policy.mode == "continuous" and now >= newest.window.stop - policy.lead_ms:
        return _next(now, policy, newest.window, lag, dead)
    left = (newest.window.stop - now) / 1000
    return Plan(None, dead, f"window open for {left:.0f} s more; lag {lag} records")


def _is_dead(now: int, policy: Policy, run: RunView) -> bool:
    if run.state != "active":
        return False
    if run.heartbeat_at is None:
        return now - run.created_at > _START_GRACE_MS
    return now - run.heartbeat_at > policy.lease_ms


def _first(now: int, policy: Policy, lag: int, dead: tuple[str, ...]) -> Plan:
    if policy.mode == "on_demand":
        return _on_demand(now, lag, dead)
    return Plan(_window_from(now, now, policy), dead, "first window")


def _next(now: int, policy: Policy, done: Window, lag: int, dead: tuple[str, ...]) -> Plan:
    if policy.mode == "on_demand":
        return _on_demand(max(now, done.start + 1), lag, dead)
    start = max(done.stop, now) if now > done.stop + policy.window_ms else done.stop
    return Plan(_window_from(start, now, policy), dead, "next window")


def _on_demand(now: int, lag: int, dead: tuple[str, ...]) -> Plan:
    """A window that has stopped already drains to the queried end of the log, and ends."""
    if lag == 0:
        return Plan(None, dead, "lag 0 records: nothing to drain")
    return Plan(Window(now, now, 1), dead, f"lag {lag} records")


def _window_from(start: int, now: int, policy: Policy) -> Window:
    """From `start` to the first grid line that leaves its run time to get warm."""
    earliest = max(start, now) + policy.lead_ms
    stop = -(-earliest // policy.window_ms) * policy.window_ms
    hour_end = (start // _HOUR_MS + 1) * _HOUR_MS
    return Window(start, min(stop, hour_end), 1)


def _again(now: int, newest: RunView, runs: Sequence[RunView], dead: tuple[str, ...]) -> Plan:
    window = newest.window
    failed_in_a_row = sum(run.window.start == window.start for run in runs)
    backoff = min(_MAX_BACKOFF_MS, 1000 * (2 ** (failed_in_a_row - 1) - 1))
    ready_at = (newest.ended_at or now) + backoff
    if now < ready_at:
        wait = (ready_at - now) / 1000
        return Plan(
            None, dead, f"{failed_in_a_row} attempts failed; next one in {wait:.0f} s (back-off)"
        )
    attempt = Window(window.start, window.stop, window.attempt + 1)
    return Plan(attempt, dead, f"attempt {window.attempt} failed")


def last_heartbeats(entries: Sequence[tuple[str, int]]) -> Mapping[str, int]:
    """Run id -> newest heartbeat, from (run id, append time) pairs in any order."""
    newest: dict[str, int] = {}
    for run_id, at in entries:
        newest[run_id] = max(at, newest.get(run_id, at))
    return newest
