"""What every pattern offers."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.detection.batch import Batch, Reason, Signal
from fraudstream_platform.detection.parameters import Signals
from fraudstream_platform.detection.rules import RuleSet

ACCOUNTS = ("card", "customer")
"""Most evidence is looked for on the card and on all cards of its customer."""


class Pattern(Protocol):
    """One kind of fraud: a signal for every row, and reasons for the few rows that alert."""

    family: str
    """Family of evidence: within one the strongest signal counts, families add up."""

    def signal(self, batch: Batch, rules: RuleSet) -> Signal:
        """Suspicion of each row in [0, 1]; 0 means no evidence."""
        ...

    def reasons(self, batch: Batch, row: int, rules: RuleSet) -> list[Reason]:
        """Reasons for a row whose signal is above 0, strongest first."""
        ...


def graded(enough: NDArray[np.bool_], evidence: Signal, signals: Signals) -> Signal:
    """From `least` to `most` by the share of full evidence; 0 where there is not enough."""
    return np.where(enough, signals.least + (signals.most - signals.least) * evidence, 0.0)
