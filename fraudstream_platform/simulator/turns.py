"""The compressed course: one transaction for every slot, customers in turn, attacks in seconds.

Each slot takes the planned message that is most overdue (a step of an attack, a retry, a refund),
else the next customer's turn; so the count is exact and all follows from the seed, the start time
and the rate.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from fraudstream_platform.protection.tokens import Tokeniser
from fraudstream_platform.protection.vault import Identity
from fraudstream_platform.simulator.behaviour import Life
from fraudstream_platform.simulator.course import Menu, Sent
from fraudstream_platform.simulator.hashing import mixed, turn_order
from fraudstream_platform.simulator.injector.attack import Scene, compressed
from fraudstream_platform.simulator.merchants import Merchants
from fraudstream_platform.simulator.messages import Step
from fraudstream_platform.simulator.population import Population
from fraudstream_platform.simulator.truth import Attack, Labels, LookAlike

_TURNS_AT_ONCE = 4_096
_DEMO_SPAN_S = (10.0, 40.0)
_LONGEST_SHARE = 1 / 3  # of the run, so that attacks fit into short ones
_QUIET_START_S = 3.0


@dataclass(frozen=True)
class Slots:
    """Intended send times: `count` of them at `tps` a second from `start_ms` (epoch ms)."""

    start_ms: int
    tps: float
    count: int

    def due_ms(self, slot: int) -> int:
        """Intended send time of the record in `slot`."""
        return self.start_ms + int(slot * 1000 / self.tps)


@dataclass(frozen=True)
class Share:
    """One of `parts` equal parts of a stream, made by a process of its own, with customers of its own."""

    part: int = 0
    parts: int = 1

    def customers(self, size: int) -> range:
        """Which of `size` customers take turns in this part."""
        return range(size * self.part // self.parts, size * (self.part + 1) // self.parts)


class _Planned(NamedTuple):
    due_ms: int
    number: int
    step: Step
    attack: Attack | None
    last: bool


class Turns:
    """Customers take turns; `time_scale` None compresses each attack to 10-40 s."""

    def __init__(
        self,
        seed: int,
        size: int,
        slots: Slots,
        menu: Menu,
        time_scale: float | None,
        tokeniser: Tokeniser,
        share: Share,
        remembered: int,
    ) -> None:
        self._seed = seed
        self._share = share
        self._own = share.customers(size)
        self._slots = slots
        self._menu = menu
        self._time_scale = time_scale
        self._people = Population(seed, size, tokeniser, remembered)
        self._people.online(self._people.customer(0))  # makes faker's lists before the clock runs
        self._merchants = Merchants(seed)
        rng = random.Random(mixed(seed, 6, share.part))  # nosec B311
        self._life = Life(self._people, self._merchants, rng)
        self._chance = random.Random(mixed(seed, 7, share.part))  # nosec B311
        self._labels = Labels(random.Random(mixed(seed, 8, share.part)), menu.fraud_rate)  # nosec B311
        self._run = f"{mixed(seed, 9, slots.start_ms + share.part) >> 32:08x}"
        # Where the round of turns begins follows from the time, so that two runs differ.
        self._first_turn = mixed(seed, 10, slots.start_ms) % len(self._own)
        self._turns: list[int] = []
        self._turn = 0
        self._planned: list[_Planned] = []
        self._planned_count = 0
        self._attacks = 0
        self._ended: list[Attack] = []
        self._credit = -menu.fraud_rate * slots.tps * _QUIET_START_S

    def transactions(self) -> Iterator[Sent]:
        """One transaction a slot."""
        fraud_rate, due_ms = self._menu.fraud_rate, self._slots.due_ms
        for slot in range(self._slots.count):
            now = due_ms(slot)
            self._credit += fraud_rate
            if self._credit >= 0 and fraud_rate and self._menu.patterns:
                self._start_attack(now)
            yield self._fill(slot, now)

    def introduce(self) -> Iterator[list[Identity]]:
        """All identities of everybody who takes turns here, which are then known."""
        for first in self._own[::_TURNS_AT_ONCE]:
            for index in range(first, min(first + _TURNS_AT_ONCE, self._own.stop)):
                self._people.introduce(index)
            yield self._people.take_fresh()

    def take_fresh(self) -> list[Identity]:
        """Originals of tokens that are new since the last call."""
        return self._people.take_fresh()

    def take_attacks(self) -> list[Attack]:
        """Attacks that ended since the last call."""
        taken, self._ended = self._ended, []
        return taken

    def take_look_alikes(self) -> list[LookAlike]:
        """None: without days and habits there is nothing that an attack could resemble."""
        return []

    def take_labels(self, now_ms: int) -> list[dict[str, Any]]:
        """Labels that became known by `now_ms`."""
        return self._labels.take_due(now_ms)

    def _fill(self, slot: int, now: int) -> Sent:
        attack, last, fraudulent = None, False, False
        if self._planned and self._planned[0].due_ms <= now:
            _, _, step, attack, last = heapq.heappop(self._planned)
            wanted, fraudulent = step.transaction, step.fraudulent
        else:
            step, *later = self._life.turn(self._next_customer())
            wanted = step.transaction
            self._plan(now, later)
        sent = wanted._replace(head=(f"{self._run}-{slot:012d}", now, now))
        if attack is None:
            self._plan(now, self._life.consequences(sent))
            self._labels.after_genuine(sent.transaction_id, now)
            return Sent(sent, False)
        attack.note(sent, fraudulent, now)
        if last:
            self._ended.append(attack)
            self._labels.after_attack(attack)
        return Sent(sent, True)

    def _next_customer(self) -> int:
        if not self._turns:
            start = self._first_turn + self._turn
            order = turn_order(len(self._own), self._seed, start, _TURNS_AT_ONCE) + self._own.start
            self._turns = order.tolist()[::-1]
            self._turn += _TURNS_AT_ONCE
        return self._turns.pop()

    def _plan(self, now: int, steps: list[Step], attack: Attack | None = None) -> None:
        for place, step in enumerate(steps):
            self._planned_count += 1
            last = place == len(steps) - 1
            planned = _Planned(now + step.offset_ms, self._planned_count, step, attack, last)
            heapq.heappush(self._planned, planned)

    def _start_attack(self, now: int) -> None:
        """Plan the next attack, unless the run ends before it would."""
        menu, chance = self._menu, self._chance
        part, parts = self._share.part, self._share.parts
        pattern = menu.patterns[self._attacks % len(menu.patterns)]
        strength = chance.choice(menu.strengths)
        victim = self._people.customer(chance.randrange(self._people.size))
        rng = random.Random(mixed(self._seed, 11, self._attacks * parts + part))  # nosec B311
        scene = Scene(rng, self._people, self._merchants, self._life, victim, now)
        steps = menu.plan(pattern)(scene, strength)
        span_ms = max(step.offset_ms for step in steps)
        factor = self._time_scale
        if factor is None:
            run_ms = 1000 * self._slots.count / self._slots.tps
            wanted_ms = min(1000 * chance.uniform(*_DEMO_SPAN_S), run_ms * _LONGEST_SHARE)
            factor = min(1.0, wanted_ms / span_ms)
        self._credit -= sum(step.fraudulent for step in steps)
        customers = {step.transaction.account[0] for step in steps if step.fraudulent}
        token = victim.token if customers == {victim.token} else ""
        name = f"{self._run}-{self._attacks:06d}"
        self._attacks += 1
        if now + span_ms * factor >= self._slots.due_ms(self._slots.count):
            return
        self._plan(now, compressed(steps, factor), Attack(name, pattern, strength, token))
