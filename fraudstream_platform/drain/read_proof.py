"""Proof of how far a topic of one partition has been read, in append time."""

from __future__ import annotations

CLOCKS_MS = 250
"""How far a worker's clock may go before the broker's."""


class ReadProof:
    """Knows up to which append time nothing is left unread."""

    def __init__(self) -> None:
        self.until_ms = 0
        """Everything appended at or before this moment (epoch ms) has been read."""
        self._position = 0
        self._end: tuple[int, int] | None = None

    def read(self, position: int, append_ms: int | None = None) -> None:
        """Everything before offset `position` has been read, the newest appended at `append_ms`."""
        self._position = max(self._position, position)
        if append_ms is not None:
            # Others of the same millisecond may follow.
            self.until_ms = max(self.until_ms, append_ms - 1)
        self._settle()

    def found_end(self, offset: int, asked_ms: int) -> None:
        """The topic's end was `offset` when it was asked, at `asked_ms` by this worker's clock."""
        self._end = offset, asked_ms - CLOCKS_MS
        self._settle()

    def _settle(self) -> None:
        if self._end is not None and self._position >= self._end[0]:
            self.until_ms = max(self.until_ms, self._end[1])
            self._end = None
