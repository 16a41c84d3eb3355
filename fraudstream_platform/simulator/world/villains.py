"""Who is attacked next in a world in true time, with what, and when it is over."""

from __future__ import annotations

import random
from collections.abc import Callable

from fraudstream_platform.simulator.course import Menu
from fraudstream_platform.simulator.hashing import mixed
from fraudstream_platform.simulator.injector import NEEDS_CREDIT, SLOW_PATTERNS
from fraudstream_platform.simulator.injector.attack import Scene, Strength, compressed
from fraudstream_platform.simulator.messages import Step
from fraudstream_platform.simulator.record import NO_CHANGES
from fraudstream_platform.simulator.truth import Attack
from fraudstream_platform.simulator.world.agenda import Agenda
from fraudstream_platform.simulator.world.person import Person
from fraudstream_platform.simulator.world.rhythm import DAY_MS

QUIET_DAYS = 14
"""Nobody is attacked in the first days of a world or of an account: a history has to form."""
_QUIET_SHARE = 0.25
"""The world begins without attacks, so that victims have a history: days, or share of the world."""
_SLOW_AFTER_DAYS, _SLOW_AFTER_SHARE = 60, 0.4
"""The same for attacks that need months of history."""
_FINALE_DAYS, _LONG_FINALE_DAYS = 5, 36
"""How long before the end the finale's attacks begin; those that take a month begin earlier."""
_FINALE_ATTACKS = 3
_MONTH_LONG = "synthetic_identity"
_TRIES = 50


class Villains:
    """Starts attacks so that their transactions make up the wanted share."""

    def __init__(
        self,
        menu: Menu,
        run: str,
        span_ms: tuple[int, int],
        persons: list[Person],
        agenda: Agenda,
        scene_of: Callable[[random.Random, Person, int, int], Scene],
    ) -> None:
        begins, self._ends = span_ms
        length = self._ends - begins
        self._quiet_until = begins + int(min(QUIET_DAYS * DAY_MS, _QUIET_SHARE * length))
        self._slow_from = begins + int(min(_SLOW_AFTER_DAYS * DAY_MS, _SLOW_AFTER_SHARE * length))
        self._menu = menu
        self._run = run
        self._persons = persons
        self._agenda = agenda
        self._scene_of = scene_of
        self._seed = mixed(len(persons), 25, int(run, 16))
        self._chance = random.Random(self._seed)  # nosec B311
        self._victims: set[str] = set()
        self._attacks = 0
        self._credit = 0.0
        self._finale = self._planned_finale() if menu.finale else []

    def _planned_finale(self) -> list[tuple[int, str]]:
        """When it begins and with which pattern, the last first."""
        days = dict.fromkeys(self._menu.patterns, _FINALE_DAYS)
        if _MONTH_LONG in days:
            days[_MONTH_LONG] = _LONG_FINALE_DAYS
        planned = [
            (self._ends - (first - strike) * DAY_MS, one)
            for one, first in days.items()
            for strike in range(_FINALE_ATTACKS)
        ]
        return sorted(planned, reverse=True)

    def after_one_more(self, now: int) -> None:
        """One more transaction was sent: perhaps an attack is due."""
        if self._finale and now >= self._finale[-1][0]:
            _, pattern = self._finale.pop()
            self._attack(pattern, "blatant", now)
        if now < self._quiet_until or not self._menu.fraud_rate:
            return
        self._credit += self._menu.fraud_rate
        if self._credit >= 0 and self._menu.patterns:
            # At the very moment of the credit an attack's place in the stream would give it away.
            self._credit = -self._chance.random()
            self._start(now)

    def _start(self, now: int) -> None:
        patterns = self._menu.patterns
        pattern = patterns[self._attacks % len(patterns)]
        if pattern in SLOW_PATTERNS and now < self._slow_from:
            # Where there is nothing else to do meanwhile, they wait.
            self._attacks += any(one not in SLOW_PATTERNS for one in patterns)
            return
        self._attack(pattern, self._chance.choice(self._menu.strengths), now)

    def _attack(self, pattern: str, strength: Strength, now: int) -> None:
        number = self._attacks
        self._attacks += 1
        victim = self._victim(pattern, now)
        if victim is None:
            return
        rng = random.Random(mixed(self._seed, 11, number))  # nosec B311
        steps = self._menu.plan(pattern)(self._scene_of(rng, victim, now, number), strength)
        if not steps or now + max(step.offset_ms for step in steps) >= self._ends:
            return
        self._credit -= sum(step.fraudulent for step in steps)
        self._victims.add(victim.customer.token)
        self._adopt_changes(victim, steps)
        customers = {step.transaction.account[0] for step in steps if step.fraudulent}
        name = victim.customer.token if customers == {victim.customer.token} else ""
        attack = Attack(f"{self._run}-{number:06d}", pattern, strength, name)
        ordered = compressed(steps, 1.0)
        for place, step in enumerate(ordered, 1):
            self._agenda.add_of_attack(
                now + step.offset_ms, step.transaction, attack, step.fraudulent,
                place == len(ordered),
            )  # fmt: skip

    def _victim(self, pattern: str, now: int) -> Person | None:
        """Somebody with a history, in no transit, not attacked before if that can be."""
        day = now // DAY_MS
        for tries in range(_TRIES):
            one = self._persons[self._chance.randrange(len(self._persons))]
            if day < one.first_day + QUIET_DAYS or one.city(day) is None:
                continue
            if one.customer.token in self._victims and tries < _TRIES // 2:
                continue
            if pattern in NEEDS_CREDIT and all(card.plastic[6] is None for card in one.cards):
                continue
            return one
        return None

    @staticmethod
    def _adopt_changes(victim: Person, steps: list[Step]) -> None:
        """The account stays changed, so the victim's own transactions show it too."""
        for step in steps:
            if step.fraudulent and step.transaction.changes is not NO_CHANGES:
                victim.changes = step.transaction.changes
                return
