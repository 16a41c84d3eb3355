"""From signals to a score: noisy-or across families of evidence, the strongest within one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.detection.batch import Batch, Signal
from fraudstream_platform.detection.patterns import PATTERNS
from fraudstream_platform.detection.rules import RuleSet

FIRED = 0.3
"""Signal from which a pattern is named on an alert."""


@dataclass(frozen=True)
class Scores:
    """Score of each row, 0 to 1000, and the signals behind it, by pattern."""

    score: NDArray[np.int32]
    signals: dict[str, Signal]

    def fired(self, row: int) -> list[str]:
        """Patterns that fired on a row, strongest first."""
        named = [(-signal[row], name) for name, signal in self.signals.items()]
        return [name for strength, name in sorted(named) if -strength >= FIRED]


def score_batch(batch: Batch, rules: RuleSet) -> Scores:
    """Score every row."""
    signals = {name: pattern.signal(batch, rules) for name, pattern in PATTERNS.items()}
    families: dict[str, Signal] = {}
    for name, signal in signals.items():
        family = PATTERNS[name].family
        held = families.get(family)
        families[family] = signal if held is None else np.maximum(held, signal)
    innocence = np.ones(batch.rows)
    for signal in families.values():
        innocence = innocence * (1.0 - signal)
    return Scores(np.floor(1000.0 * (1.0 - innocence) + 0.5).astype(np.int32), signals)


def severity(score: int, rules: RuleSet) -> str:
    """low, medium, high or critical."""
    if score >= (1000 + rules.block_score) // 2:
        return "critical"
    if score >= rules.block_score:
        return "high"
    return "medium" if score >= rules.review_score else "low"


def action(score: int, rules: RuleSet) -> str:
    """What to do next. The event carries its own outcome: block stops the next transaction."""
    if score >= rules.block_score:
        return "block"
    return "review" if score >= rules.review_score else "allow"
