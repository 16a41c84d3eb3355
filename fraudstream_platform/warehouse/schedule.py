"""When the marts are built again: one pure decision."""

from __future__ import annotations

from dataclasses import dataclass

from fraudstream_platform.scheduling import LastRun

MARTS_EVERY_SECONDS = 120
"""Shortest time from the start of one build to the start of the next."""
SLOW_EVERY_SECONDS = 900
"""The same for models with the tag `slow`, which build beside the others when their time has come."""


@dataclass(frozen=True)
class Decision:
    """Whether to build now, and why (with numbers, for people)."""

    build: bool
    reason: str


def decide(
    now_s: float, newest_upstream_s: float | None, last: LastRun | None, every_s: float
) -> Decision:
    """Build if the lake moved since the last build began, or that build failed; never two at once.

    `newest_upstream_s` is when rows last came to an upstream table, epoch seconds.
    """
    if newest_upstream_s is None:
        return Decision(False, "no table of the lake has rows yet")
    if last is None:
        return Decision(True, "first build")
    age_s = now_s - last.started_s
    if last.is_running:
        return Decision(False, f"a build is in progress since {age_s:.0f} s")
    if age_s < every_s:
        return Decision(
            False, f"the last build began {age_s:.0f} s ago, the next is due at {every_s:.0f} s"
        )
    if last.has_failed:
        return Decision(True, f"the last build, {age_s:.0f} s ago, failed")
    if newest_upstream_s <= last.started_s:
        behind_s = now_s - newest_upstream_s
        return Decision(
            False, f"nothing new: the lake last moved {behind_s:.0f} s ago, before the last build"
        )
    return Decision(
        True,
        f"the lake moved {newest_upstream_s - last.started_s:.0f} s after the last build began",
    )


def slow_is_due(now_s: float, last_built_s: float | None) -> bool:
    """Whether this build takes the slow models along; `last_built_s` is when they were built last."""
    return last_built_s is None or now_s - last_built_s >= SLOW_EVERY_SECONDS
