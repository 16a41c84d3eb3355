"""What a run tells its tasks: which window, which group, on whose behalf."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

from fraudstream_platform.drain.journal import Term
from fraudstream_platform.lake.hours import hour_of

SHADOW_SECONDS = 6.0
"""How long before its window a standby begins to shadow the owner."""


@dataclass(frozen=True)
class Assignment:
    """One group's share of one run. Times are epoch ms of append time."""

    window_start: int
    window_stop: int
    attempt: int
    run_id: str
    group: int
    groups: int
    retry: int = 0

    @property
    def term(self) -> Term:
        """The owner's term under which this assignment would own its partitions."""
        return Term(self.window_start, self.attempt, self.retry)

    @property
    def hour(self) -> str:
        """The lake's hour partition of every row this assignment flushes, YYYY-MM-DDTHH."""
        return hour_of(self.window_start)

    def of_retry(self, retry: int) -> Assignment:
        """The same share at Spark's `retry`-th try of the task."""
        return replace(self, retry=retry)

    def to_json(self) -> str:
        """The form in which it travels to the Spark task (no secret is in it)."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> Assignment:
        """Reverse of `to_json`."""
        return Assignment(**json.loads(text))
