"""By when an attack has to be found, pattern by pattern (the specification's table of patterns)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from fraudstream_platform.evaluate.metrics.course import Course

Unit = Literal["transactions", "value_share", "group_transactions", "identities"]

REFRESH_MS = 24 * 3_600_000
"""Graph findings are refreshed this often in an evaluation (event time), since that takes as long as all else
together; live every few minutes."""


@dataclass(frozen=True)
class Deadline:
    """Where the first alert must have come.

    - transactions: at the n-th fraudulent transaction;
    - value_share: while at most this share of what was taken is gone, the alert's own included;
    - group_transactions, identities: at the first refresh after the n-th transaction of the group,
      or after the first transaction of its n-th identity.
    """

    unit: Unit
    blatant: float
    normal: float
    least_attacks: int = 200
    """Attacks that a cell needs before its recall says anything."""
    also_named: tuple[str, ...] = ()
    """Patterns of the detector that mean the same attack under another name."""

    def limit(self, strength: str) -> float:
        """The limit of a strength; stealthy attacks are held to the normal one, and only reported."""
        return self.blatant if strength == "blatant" else self.normal

    def text(self, strength: str) -> str:
        """The deadline in words."""
        limit = self.limit(strength)
        if self.unit == "transactions":
            return f"transaction {limit:.0f}"
        if self.unit == "value_share":
            return f"{limit:.0%} of the value"
        what = "group transactions" if self.unit == "group_transactions" else "identities"
        return f"refresh after {limit:.0f} {what}"


DEADLINES: dict[str, Deadline] = {
    "account_takeover": Deadline("transactions", 2, 3),
    "card_testing": Deadline("transactions", 10, 20, also_named=("testing_of_many",)),
    "testing_of_many": Deadline("transactions", 10, 20, also_named=("card_testing",)),
    "velocity_attack": Deadline("transactions", 5, 5),
    "impossible_geography": Deadline("transactions", 1, 1),
    "amount_probing": Deadline("transactions", 4, 4),
    "merchant_collusion": Deadline("group_transactions", 100, 100, least_attacks=50),
    "synthetic_identity": Deadline("identities", 5, 5, least_attacks=50),
    "bust_out": Deadline("value_share", 0.30, 0.50),
}
"""The eight patterns, card testing in two forms: of one victim's cards, and over hundreds; "first pair" of impossible geography is its first fraudulent transaction."""


def is_met(course: Course, deadline: Deadline) -> bool:
    """Whether the first alert came in time."""
    if course.seen == 0:
        return False
    limit = deadline.limit(course.strength)
    if deadline.unit == "transactions":
        return course.seen <= limit
    if deadline.unit == "value_share":
        return course.cents_until_alert <= limit * course.total_cents
    # A step that ends a day holds rows of the next one: refreshes are not exactly a day apart.
    first = np.searchsorted(course.refreshes_ms, _counted_ms(course, deadline.unit, int(limit)))
    later = course.refreshes_ms[first:]
    return later.shape[0] == 0 or course.alert_ms <= int(later[0])


def _counted_ms(course: Course, unit: Unit, limit: int) -> int:
    """Time of the transaction that the refresh follows; the last one of a smaller group."""
    times = course.time_ms
    if unit == "identities":
        times = times[np.sort(np.unique(course.account, return_index=True)[1])]
    return int(times[min(limit, times.shape[0]) - 1])
