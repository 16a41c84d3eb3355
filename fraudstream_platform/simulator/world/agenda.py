"""What is going to happen, in order, and the look-alikes among it."""

from __future__ import annotations

import heapq
from typing import NamedTuple

from fraudstream_platform.simulator.record import Transaction
from fraudstream_platform.simulator.truth import Attack, LookAlike
from fraudstream_platform.simulator.world.person import Person
from fraudstream_platform.simulator.world.rhythm import DAY_MS


class Planned(NamedTuple):
    """A transaction to come; it happened `late_ms` before it is due where it is sent late."""

    due_ms: int
    number: int
    transaction: Transaction
    late_ms: int
    attack: Attack | None
    fraudulent: bool
    last: bool


class Agenda:
    """A queue of transactions by due time (epoch ms), ties in the order of planning."""

    def __init__(self) -> None:
        self._queue: list[Planned] = []
        self._number = 0
        self._look_alikes: list[LookAlike] = []

    def add(self, at_ms: int, transaction: Transaction, late_ms: int = 0) -> None:
        """Plan a transaction of ordinary life."""
        self._number += 1
        planned = Planned(at_ms, self._number, transaction, late_ms, None, False, False)
        heapq.heappush(self._queue, planned)

    def add_of_attack(
        self, at_ms: int, transaction: Transaction, attack: Attack, fraudulent: bool, last: bool
    ) -> None:
        """Plan a transaction of an attack; with the `last` one the attack is over."""
        self._number += 1
        planned = Planned(at_ms, self._number, transaction, 0, attack, fraudulent, last)
        heapq.heappush(self._queue, planned)

    def next_before(self, end_ms: int) -> Planned | None:
        """The next transaction that is due before `end_ms`."""
        if self._queue and self._queue[0].due_ms < end_ms:
            return heapq.heappop(self._queue)
        return None

    def announce(self, kind: str, person: Person, at_ms: int) -> None:
        """Note that the person's life resembles an attack now; once a kind and day."""
        day = at_ms // DAY_MS
        if person.announced.get(kind) != day:
            person.announced[kind] = day
            card = str(person.cards[0].plastic[1])
            self._look_alikes.append(LookAlike(kind, person.customer.token, card, at_ms))

    def take_look_alikes(self) -> list[LookAlike]:
        """Look-alikes noted since the last call; a few lie ahead of what was sent."""
        taken, self._look_alikes = self._look_alikes, []
        return taken
