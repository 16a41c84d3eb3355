"""When the network is looked at again: one pure decision."""

from __future__ import annotations

from dataclasses import dataclass

from fraudstream_platform.scheduling import LastRun

EVERY_SECONDS = 180
"""From the start of one refresh to the start of the next while rows keep coming."""
RESTED_EVERY_SECONDS = 60
"""The same once the stream rests: what came last is not left to wait."""
RESTS_AFTER_SECONDS = 15
_HOUR_S = 3_600


@dataclass(frozen=True)
class Decision:
    """Whether to refresh now, and why (with numbers, for people)."""

    refresh: bool
    reason: str


def decide(now_s: float, newest_rows_s: float | None, last: LastRun | None) -> Decision:
    """Refresh while rows come, once they rest, and when an hour closes; never two at once.

    `newest_rows_s` is when rows last came to Silver, epoch seconds; None before the first.
    """
    if newest_rows_s is None:
        return Decision(False, "Silver has no rows yet")
    if last is None:
        return Decision(True, "first refresh")
    age_s = now_s - last.started_s
    if last.is_running:
        return Decision(False, f"a refresh is in progress since {age_s:.0f} s")
    if last.has_failed:
        return Decision(
            age_s >= EVERY_SECONDS,
            f"the last refresh failed {age_s:.0f} s ago, tried again after {EVERY_SECONDS} s",
        )
    rest_s = now_s - newest_rows_s
    if newest_rows_s <= last.started_s:
        return Decision(False, f"nothing new: rows last came {rest_s:.0f} s ago")
    if last.started_s // _HOUR_S < now_s // _HOUR_S:
        return Decision(True, "an hour closed since the last refresh")
    due_s = RESTED_EVERY_SECONDS if rest_s >= RESTS_AFTER_SECONDS else EVERY_SECONDS
    if age_s < due_s:
        return Decision(
            False, f"the last refresh began {age_s:.0f} s ago, the next is due at {due_s} s"
        )
    return Decision(True, f"rows came {rest_s:.0f} s ago, after the last refresh began")
