"""From signals to a score: noisy-or across families of evidence, the strongest within one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.detection.batch import Batch, Signal
from fraudstream_platform.detection.patterns import PATTERNS
from fraudstream_platform.detection.rules import RuleSet

FIRED = 0.3
"""Signal from which a pattern is named on an alert."""

ACTIONS = ("allow", "step_up", "review", "block")
"""Weakest first."""


@dataclass(frozen=True)
class Scores:
    """Score of each row, 0 to 1000, and the signals behind it, by pattern."""

    score: NDArray[np.int32]
    signals: dict[str, Signal]

    def fired(self, row: int) -> dict[str, float]:
        """Signals of the patterns that fired on a row, strongest first; the strongest always."""
        ordered = sorted((-float(signal[row]), name) for name, signal in self.signals.items())
        named = [(name, -strength) for strength, name in ordered]
        return dict(named[:1] + [(name, signal) for name, signal in named[1:] if signal >= FIRED])


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


def noisy_or(families: Iterable[float]) -> int:
    """Score of one row, 0 to 1000, from the strongest signal of each family."""
    innocence = 1.0
    for signal in families:
        innocence *= 1.0 - signal
    return int(1000.0 * (1.0 - innocence) + 0.5)


def severity(score: int, rules: RuleSet) -> str:
    """low, medium, high or critical."""
    if score >= (1000 + rules.block_score) // 2:
        return "critical"
    if score >= rules.block_score:
        return "high"
    return "medium" if score >= rules.review_score else "low"


def action(score: int, rules: RuleSet, *, is_remote: bool = False) -> str:
    """What to do next. The event carries its own outcome: block stops the next transaction.

    Below a block, a cardholder who is not present (`is_remote`) can be asked to prove who he is.
    """
    if score >= rules.block_score:
        return "block"
    if score >= rules.review_score:
        return "step_up" if is_remote else "review"
    return "allow"
