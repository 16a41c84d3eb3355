"""What decisions about the next run of a job go by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LastRun:
    """The newest run of a job; `started_s` is epoch seconds."""

    started_s: float
    is_running: bool
    has_failed: bool
