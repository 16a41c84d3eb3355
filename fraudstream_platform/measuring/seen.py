"""Which flushes a table has, and how new the newest rows are that it has of every group."""

from __future__ import annotations

from collections import deque

from fraudstream_platform.drain.journal import Entry
from fraudstream_platform.lake.commit import RecordedVersions


class SeenCommits:
    """Flushes of every group, noted as the journal names them and seen as the table gets them."""

    def __init__(self, recorded: RecordedVersions, groups: int) -> None:
        self._recorded = recorded
        self._uncommitted: list[deque[Entry]] = [deque() for _ in range(groups)]
        self._newest_ms: list[int | None] = [None] * groups

    def note(self, flush: Entry) -> None:
        """The journal has named a flush."""
        self._uncommitted[flush.group].append(flush)

    def newest_ms(self) -> int | None:
        """Append time up to which the table has every group's rows, epoch ms; None before that."""
        for group, waiting in enumerate(self._uncommitted):
            while waiting and self._has(waiting[0]):
                last_ms = waiting.popleft().counts.get("last_append_ms", 0)
                self._newest_ms[group] = max(last_ms, self._newest_ms[group] or 0)
        known = [newest for newest in self._newest_ms if newest is not None]
        return min(known) if len(known) == len(self._newest_ms) else None

    def _has(self, flush: Entry) -> bool:
        """All partitions of a flush are committed at once, so one that moved tells of all.

        Asking the table for one takes 3 ms.
        """
        moved = next((p for p, end in flush.flushed.items() if end != flush.start[p]), None)
        if moved is None:
            return True
        version = self._recorded.read([moved])[moved]
        return version is not None and version >= flush.flushed[moved]
