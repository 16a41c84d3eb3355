"""Dagster: daemon, code locations, sensors and runs, as its webserver tells of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fraudstream_platform.doctor.verdict import Check, fail, ok, warn

_START_S = 120.0
_RUN_S = 3600.0
_DRAIN_GRACE_S = 180.0
"""A drain run may outlive its window by this: a slow start, and the last commits."""
_LATE_TICK_S = 60.0
"""A sensor's tick may come so much later than its interval says."""


@dataclass(frozen=True)
class RunFacts:
    """A run that is not over; `age_s` since it was created."""

    run_id: str
    job: str
    status: str
    age_s: float
    over_s: float | None = None
    """A drain run: seconds since its window stopped, below 0 before; None where unknown."""


@dataclass(frozen=True)
class SensorFacts:
    """A sensor, and its newest tick."""

    name: str
    running: bool
    every_s: float
    """Shortest time between two ticks."""
    tick_status: str | None
    tick_age_s: float | None
    tick_error: str = ""


@dataclass(frozen=True)
class DagsterFacts:
    """What the webserver answered."""

    daemons: Mapping[str, bool]
    """Required daemon -> healthy."""
    locations: Mapping[str, str]
    """Code location -> error, empty where it is loaded."""
    sensors: Sequence[SensorFacts]
    runs: Sequence[RunFacts] = field(default_factory=tuple)
    failed_drain_runs: int = 0
    """In the last hour."""


def judge_dagster(facts: DagsterFacts) -> list[Check]:
    """A line for the daemon, the code locations, the sensors and the runs."""
    return [
        *_daemons(facts),
        *_locations(facts),
        *_sensors(facts.sensors),
        *_runs(facts),
    ]


def _daemons(facts: DagsterFacts) -> list[Check]:
    silent = sorted(name for name, healthy in facts.daemons.items() if not healthy)
    if silent:
        return [
            fail(
                "daemon",
                f"no fresh heartbeat of {', '.join(silent)}: no sensor ticks, no window is requested",
                "`fraudstream status` shows whether it runs; its log is daemon.log",
            )
        ]
    return [ok("daemon", f"{len(facts.daemons)} of its parts are healthy")]


def _locations(facts: DagsterFacts) -> list[Check]:
    broken = {name: error for name, error in facts.locations.items() if error}
    found = [
        fail(f"location {name}", error, f"read {_log_of(name)}; then reload it in the Dagster UI")
        for name, error in sorted(broken.items())
    ]
    if not facts.locations:
        return [fail("locations", "no code location is known", "see workspace.yaml")]
    return found or [ok("locations", f"{', '.join(sorted(facts.locations))} loaded")]


def _log_of(location: str) -> str:
    return "marts.log" if location == "marts" else "code.log"


def _sensors(sensors: Sequence[SensorFacts]) -> list[Check]:
    found = [check for one in sensors if (check := _sensor(one))]
    if not sensors:
        return [fail("sensors", "none is known", "see the line `locations`")]
    return found or [ok("sensors", f"{', '.join(sorted(one.name for one in sensors))} tick")]


def _sensor(one: SensorFacts) -> Check | None:
    name = f"sensor {one.name}"
    if not one.running:
        return fail(name, "is switched off", "switch it on in the Dagster UI, under Automation")
    if one.tick_status == "FAILURE":
        return fail(
            name, f"its newest tick failed: {one.tick_error}", "its ticks have the whole error"
        )
    if one.tick_age_s is None or one.tick_age_s > _LATE_TICK_S + one.every_s:
        age = "never" if one.tick_age_s is None else f"{one.tick_age_s:.0f} s ago"
        return warn(name, f"ticked last: {age}", "see the line `daemon`; after a start, wait")
    return None


def _runs(facts: DagsterFacts) -> list[Check]:
    found = [check for run in facts.runs if (check := _run(run))]
    if facts.failed_drain_runs:
        found.append(
            warn(
                "runs",
                f"{facts.failed_drain_runs} drain runs failed within the hour; each was replaced",
                "read their errors in the Dagster UI, job `drain`",
            )
        )
    return found or [ok("runs", f"{len(facts.runs)} in progress, none stuck")]


def _run(run: RunFacts) -> Check | None:
    name = f"run {run.run_id[:8]}"
    if run.status in ("QUEUED", "NOT_STARTED", "STARTING", "CANCELING") and run.age_s > _START_S:
        return fail(
            name,
            f"of {run.job} is {run.status} since {run.age_s:.0f} s",
            "terminate it in the Dagster UI; read code.log",
        )
    if run.over_s is not None:
        if run.over_s > _DRAIN_GRACE_S:
            return fail(
                name,
                f"of {run.job} still runs {run.over_s:.0f} s after its window stopped",
                "terminate it in the Dagster UI: the sensor requests the next attempt",
            )
        return None
    if run.age_s > _RUN_S:
        return warn(
            name, f"of {run.job} runs since {run.age_s:.0f} s", "see its log in the Dagster UI"
        )
    return None
