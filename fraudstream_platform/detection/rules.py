"""Rule sets: every number that decides whether a transaction is suspicious, under one version."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property


@dataclass(frozen=True)
class RuleSet:
    """Parameters of patterns and scoring. Amounts in minor units, times in seconds."""

    name: str = "default"

    # Card testing: probes (verifications, hard declines, tiny amounts) within ten minutes.
    testing_probes: int = 4
    testing_merchants: int = 2
    testing_refused: int = 1

    # Velocity: attempts against the entity's own rate, -log10 of the tail probability.
    velocity_attempts_10m: int = 5
    velocity_attempts_1h: int = 5
    velocity_surprise: float = 4.0
    velocity_cap_10m: int = 12

    # Impossible geography: net of the precision of both places.
    geography_km: float = 100.0
    geography_kmh: float = 900.0

    # Amount probing: a run of rising amounts, or the limit closed in from both sides.
    probing_run: int = 4
    probing_growth: float = 2.0
    probing_attempts: int = 4
    probing_bracket: float = 0.7
    probing_amounts: int = 4
    probing_surprise: float = 1.5

    # Scoring, 0 to 1000.
    review_score: int = 600
    block_score: int = 850

    @cached_property
    def version(self) -> str:
        """Name and content: two rule sets that decide alike are called alike."""
        text = json.dumps(asdict(self), sort_keys=True)
        return f"{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


RULES = RuleSet()
