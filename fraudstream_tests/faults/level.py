"""Lets records through in append order over all partitions, as far as all have come.

Tasks tell each other of their records, and a partition may be committed further than another: its
records then know of others that the tables do not have yet. Whoever looks at records one by one has
to see those first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from fraudstream_tests.faults.expected import Record

Positions = dict[int, int]


class Level:
    """Holds records back until every partition is committed past their append times."""

    def __init__(self, partitions: int) -> None:
        self.passed: Positions = dict.fromkeys(range(partitions), 0)
        """Before these offsets everything was let through."""
        self._held: dict[int, deque[tuple[int, Record]]] = {p: deque() for p in self.passed}
        self._reached = dict.fromkeys(self.passed, 0)

    def add(self, record: Record) -> None:
        """The next record of its partition; one whose append time steps back keeps its place."""
        partition = record.partition
        self._reached[partition] = max(self._reached[partition], record.append_ms)
        self._held[partition].append((self._reached[partition], record))

    def take(self, upto: Mapping[int, int], before_ms: float) -> list[Record]:
        """Records appended before `before_ms` and before any that is not committed yet."""
        waiting = [
            key for p, held in self._held.items() for key, one in held if one.offset >= upto[p]
        ]
        level = min([before_ms, *waiting])
        taken: list[tuple[int, int, Record]] = []
        for partition, held in self._held.items():
            while held and held[0][0] < level:
                key, record = held.popleft()
                self.passed[partition] = record.offset + 1
                taken.append((key, partition, record))
        return [record for _, _, record in sorted(taken, key=lambda one: one[:2])]
