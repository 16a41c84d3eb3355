"""Parameters of the patterns and of scoring: one section each, as `rules/default.yaml` holds them.

What a parameter means is said there, beside its value; here stands what it may be.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid")

Count = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Positive = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
Factor = Annotated[float, Field(strict=True, gt=1, le=1_000)]
Share = Annotated[float, Field(strict=True, gt=0, lt=1)]
Score = Annotated[int, Field(strict=True, ge=1, le=1000)]


@dataclass(frozen=True, config=STRICT)
class CardTesting:
    """Probes of ten minutes on one card or customer."""

    probes: Count
    merchants: Count
    refused: Count


@dataclass(frozen=True, config=STRICT)
class VelocityAttack:
    """Attempts against the entity's own rate; surprise is -log10 of the tail's probability."""

    attempts_10m: Count
    attempts_1h: Count
    surprise: Positive
    cap_10m: Count

    @model_validator(mode="after")
    def _cap_is_above(self) -> VelocityAttack:
        if self.cap_10m <= self.attempts_10m:
            raise ValueError("cap_10m has to be more than attempts_10m")
        return self


@dataclass(frozen=True, config=STRICT)
class ImpossibleGeography:
    """Distance (km) and speed (km/h) between two card-present events."""

    km: Positive
    kmh: Positive


@dataclass(frozen=True, config=STRICT)
class AmountProbing:
    """Rising runs, and the limit closed in from both sides."""

    run: Count
    growth: Factor
    attempts: Count
    bracket: Share
    amounts: Count
    surprise: Positive


@dataclass(frozen=True, config=STRICT)
class Scoring:
    """Scores (1 to 1000) from which something is done."""

    review_score: Score
    block_score: Score

    @model_validator(mode="after")
    def _block_is_above(self) -> Scoring:
        if self.block_score <= self.review_score:
            raise ValueError("block_score has to be more than review_score")
        return self
