"""How one attack went: what was taken, when, and when the first alert came."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Course:
    """One attack's fraudulent transactions in order of arrival.

    `time_ms` is epoch ms of event time; `cents` is what each took, euro cents, 0 where it was
    refused; `account` is a number for each customer (card, where there is no customer).
    """

    pattern: str
    strength: str
    time_ms: NDArray[np.int64]
    cents: NDArray[np.float64]
    account: NDArray[np.int32]
    seen: int = 0
    """Transactions that had come when the first alert did, its own included; 0: never alerted."""
    alert_ms: int = 0
    """Event time of the first alert; meaningless where `seen` is 0."""
    named: tuple[str, ...] = ()
    """Patterns on the first alert."""
    refreshes_ms: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """When Silver was searched for groups, ascending; what had come until then was seen."""

    @property
    def transactions(self) -> int:
        """How many fraudulent transactions there were."""
        return int(self.time_ms.shape[0])

    @property
    def total_cents(self) -> float:
        """What the attack took."""
        return float(self.cents.sum())

    @property
    def cents_until_alert(self) -> float:
        """What had been taken when the first alert came, its own transaction included.

        An event carries its own outcome: a block stops the next transaction, not this one.
        """
        return float(self.cents[: self.seen].sum())

    @property
    def cents_after_alert(self) -> float:
        """What came after the first alert; 0 where there was none."""
        return self.total_cents - self.cents_until_alert if self.seen else 0.0

    @property
    def seconds_until_alert(self) -> float:
        """From the first fraudulent transaction to the first alert."""
        return max(0, self.alert_ms - int(self.time_ms[0])) / 1000
