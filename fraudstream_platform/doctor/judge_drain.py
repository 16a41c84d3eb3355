"""The drain: is every group owned, does it keep up, are the tables fresh, do clocks agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fraudstream_platform.doctor.verdict import Check, fail, ok, warn
from fraudstream_platform.settings import Settings

_CLOCK_WARN_S = 2.0
_CLOCK_FAIL_S = 10.0


@dataclass(frozen=True)
class GroupFacts:
    """A partition group's newest journal record. Ages in seconds."""

    group: int
    is_final: bool
    """The newest term has ended, and nobody has followed yet."""
    age_s: float
    flush_age_s: float | None
    """Of its newest flush; None without one."""


@dataclass(frozen=True)
class DrainFacts:
    """The journal, the raw topic and the tables at one moment."""

    groups: Sequence[GroupFacts | None]
    """One a group; None where its journal is empty."""
    lag: int
    """Records of the raw topic past the last journaled flush."""
    waiting: int
    """Records that some table lacks."""
    oldest_waiting_s: float | None
    """Age of the oldest of them; None where there is none."""
    clock_ahead_s: float
    """By how much the broker's newest append time is later than this machine's clock."""


def judge_drain(settings: Settings, facts: DrainFacts) -> list[Check]:
    """A line for owners, lag, freshness and clock."""
    return [
        _owners(settings, facts),
        _lag(settings, facts),
        _freshness(settings, facts),
        _clock(facts.clock_ahead_s),
    ]


def _owners(settings: Settings, facts: DrainFacts) -> Check:
    known = [one for one in facts.groups if one is not None]
    if len(known) < len(facts.groups):
        remedy = "wait for the first window; if it does not come, see `sensors` and `runs`"
        missing = len(facts.groups) - len(known)
        return warn("owners", f"{missing} of {len(facts.groups)} groups never had one", remedy)
    silent = [one for one in known if one.age_s > settings.lease_seconds]
    if not silent:
        newest = max(one.age_s for one in known)
        return ok("owners", f"{len(known)} groups, journaled {newest:.1f} s ago at the latest")
    if settings.drain_mode == "on_demand" and facts.lag == 0 and all(o.is_final for o in silent):
        return ok("owners", "none, and nothing to drain (DRAIN_MODE=on_demand)")
    worst = max(silent, key=lambda one: one.age_s)
    what = "has had no owner" if worst.is_final else "has an owner that was silent"
    return fail(
        "owners",
        f"group {worst.group} {what} for {worst.age_s:.0f} s (LEASE_SECONDS "
        f"{settings.lease_seconds:g}); {len(silent)} of {len(known)} groups are so",
        "the sensor requests the next attempt by itself; if it does not, see `daemon`, `sensors`, "
        "`runs` and `spark`",
    )


def _lag(settings: Settings, facts: DrainFacts) -> Check:
    most = settings.lag_objective_records
    says = f"{facts.lag:,} records past the last flush, objective {most:,}"
    if facts.lag <= most:
        return ok("lag", says)
    return _behind(settings, facts, "lag", says)


def _freshness(settings: Settings, facts: DrainFacts) -> Check:
    most = settings.freshness_objective_seconds
    if facts.oldest_waiting_s is None:
        return ok("freshness", "every record is in every table")
    says = (
        f"{facts.waiting:,} records wait for a table, the oldest for {facts.oldest_waiting_s:.1f} s, "
        f"objective {most:g} s"
    )
    if facts.oldest_waiting_s <= most:
        return ok("freshness", says)
    return _behind(settings, facts, "freshness", says)


def _behind(settings: Settings, facts: DrainFacts, name: str, says: str) -> Check:
    """Catching up is slow; standing still is broken."""
    patience_s = settings.flush_seconds + 2 * settings.lease_seconds
    stalled = [
        one.group
        for one in facts.groups
        if one is not None and (one.flush_age_s is None or one.flush_age_s > patience_s)
    ]
    if stalled:
        remedy = "see `owners`, `spark`, `disk` and the newest drain run's log"
        return fail(name, f"{says}; group {stalled[0]} flushes nothing", remedy)
    return warn(
        name,
        f"{says}; it is being drained",
        "wait; if it grows, give it cores: DRAIN_GROUPS, or a Spark cluster by SPARK_REMOTE_URL",
    )


def _clock(ahead_s: float) -> Check:
    if ahead_s <= _CLOCK_WARN_S:
        return ok("clock", "not behind the broker's append times")
    says = f"this machine is {ahead_s:.1f} s behind the broker: windows open and end late"
    remedy = "let both follow NTP (`timedatectl` shows whether they do)"
    return (fail if ahead_s > _CLOCK_FAIL_S else warn)("clock", says, remedy)
