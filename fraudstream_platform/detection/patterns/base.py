"""What every pattern offers."""

from __future__ import annotations

from typing import Protocol

from fraudstream_platform.detection.batch import Batch, Reason, Signal
from fraudstream_platform.detection.rules import RuleSet


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
