"""When each row is due: at once, or with the gaps of its times, divided by a factor."""

from __future__ import annotations

from collections.abc import Callable

SPEEDS: dict[str, float] = {"max": 0.0, "1x": 1.0, "60x": 60.0}


class Pace:
    """Gives each row its sending time; `factor` 0 is as fast as possible."""

    def __init__(self, factor: float, now_ms: Callable[[], int]) -> None:
        self._factor = factor
        self._now_ms = now_ms
        self._first: tuple[int, int] | None = None
        self._last_due = 0

    def due_ms(self, event_ms: int) -> int:
        """Epoch ms at which the row is due; a row that is out of order does not wait."""
        now = self._now_ms()
        if not self._factor:
            return now
        if self._first is None:
            self._first = (event_ms, now)
        first_event, start = self._first
        self._last_due = max(
            self._last_due, start, start + round((event_ms - first_event) / self._factor)
        )
        return self._last_due
