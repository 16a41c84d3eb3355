"""A transaction as patterns see it, and what they say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fraudstream_tests.oracle.features import facts

Row = dict[str, Any]
Section = dict[str, Any]
"""A pattern's part of the rule set."""
ACCOUNTS = ("card", "customer")


@dataclass(frozen=True)
class Evidence:
    """A pattern's signal (0: none) and its reason, without the sentence."""

    signal: float
    code: str = ""
    value: float = 0.0
    usual: float | None = None
    window_s: int = 0
    entity: str = ""


NONE = Evidence(0.0)


class Transaction:
    """A row of Silver with its features; what is unknown is 0 as a count, and no evidence."""

    def __init__(self, row: Row, found: Row) -> None:
        self.row = row
        self.facts = facts(row)
        self._found = found
        self.is_attempt = bool(self.facts["tried"])
        self.is_remote = self.is_attempt and not self.facts["present"]
        self.amount = int(self.facts["amount"])

    def count(self, feature: str) -> int:
        """A count or a sum."""
        return int(self._found.get(feature) or 0)

    def measure(self, feature: str) -> float | None:
        """A measure; None where it is unknown."""
        found = self._found.get(feature)
        return None if found is None else float(found)

    def above(self, feature: str, bound: float) -> bool:
        """Whether a measure is known and above `bound`."""
        found = self.measure(feature)
        return found is not None and found > bound

    def reaches(self, feature: str, bound: float) -> bool:
        """Whether a measure is known and at least `bound`."""
        found = self.measure(feature)
        return found is not None and found >= bound

    def says(self, feature: str) -> bool:
        """Whether a yes-or-no measure is yes."""
        return self.measure(feature) == 1


def share(value: float | None, span: list[float]) -> float:
    """How far `value` is from the beginning of the span to its full end; 0 where it is unknown."""
    if value is None or value <= span[0]:
        return 0.0
    return 1.0 if value >= span[1] else (value - span[0]) / (span[1] - span[0])


def graded(section: Section, evidence: float) -> float:
    """The signal where conditions hold: `least` to `most` by the share of full evidence."""
    return float(section["least"] + (section["most"] - section["least"]) * evidence)


def strongest(found: list[Evidence]) -> Evidence:
    """The first of the strongest."""
    return max(found, key=lambda one: one.signal, default=NONE)
