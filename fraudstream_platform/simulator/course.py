"""What a course of transactions offers the stream, whichever kind of time it runs in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from fraudstream_platform.protection.vault import Identity
from fraudstream_platform.simulator.hands import INJECTORS, Injector
from fraudstream_platform.simulator.injector.attack import Plan, Strength
from fraudstream_platform.simulator.record import Transaction
from fraudstream_platform.simulator.truth import Attack, LookAlike


@dataclass(frozen=True)
class Menu:
    """What attacks there are, and how much of everything is fraudulent."""

    patterns: tuple[str, ...]
    strengths: tuple[Strength, ...]
    fraud_rate: float
    finale: bool = False
    """Whether a world ends with blatant attacks of every pattern, whatever the rate."""
    injector: Injector = "first"

    def plan(self, pattern: str) -> Plan:
        """The function that plans one attack of the pattern."""
        return INJECTORS[self.injector][pattern]


class Sent(NamedTuple):
    """A transaction with its id and times, and whether it belongs to an attack."""

    transaction: Transaction
    in_attack: bool


class Course(Protocol):
    """Transactions in the order of sending, and what comes with them; times are epoch ms."""

    def transactions(self) -> Iterator[Sent]:
        """Every transaction, once."""

    def take_fresh(self) -> list[Identity]:
        """Originals of tokens that are new since the last call."""

    def take_attacks(self) -> list[Attack]:
        """Attacks that ended since the last call."""

    def take_look_alikes(self) -> list[LookAlike]:
        """Episodes of ordinary life that resemble an attack, since the last call."""

    def take_labels(self, now_ms: int) -> list[dict[str, Any]]:
        """Labels that became known by `now_ms`."""
