"""Parameters of the patterns and of scoring: one section each, as `rules/default.yaml` holds them.

What a parameter means is said there, beside its value; here stands what it may be.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid")


def _rising(span: tuple[float, float]) -> tuple[float, float]:
    if span[0] >= span[1]:
        raise ValueError("[from, full] has to rise")
    return span


def _above_zero(span: tuple[float, float]) -> tuple[float, float]:
    if span[0] <= 0:
        raise ValueError("a span of factors has to begin above 0")
    return span


Count = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Positive = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(strict=True, gt=0, lt=1)]
Factor = Annotated[float, Field(strict=True, gt=1, le=1_000)]
Score = Annotated[int, Field(strict=True, ge=1, le=1000)]
Span = Annotated[
    tuple[
        Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)],
        Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)],
    ],
    AfterValidator(_rising),
]
"""[from, full]: evidence that begins at the first and is full at the second."""
_Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]
SignedSpan = Annotated[tuple[_Finite, _Finite], AfterValidator(_rising)]
"""The same of a change, which has a sign."""


@dataclass(frozen=True, config=STRICT)
class Signals:
    """Signals of a pattern where its conditions just hold, and where all evidence is full."""

    least: Share
    most: Share

    @model_validator(mode="after")
    def _most_is_above(self) -> Signals:
        if self.most <= self.least:
            raise ValueError("most has to be more than least")
        return self


@dataclass(frozen=True, config=STRICT)
class CardTesting(Signals):
    """Probes of ten minutes on one card or customer."""

    probes: Span
    refused: Span
    merchants: Count
    hard_1h: Count


@dataclass(frozen=True, config=STRICT)
class TestingOfMany(Signals):
    """Probes of many cards at one merchant, device, network, or of one BIN at one merchant."""

    merchant_cards: Span
    merchant_decline_share: Share
    merchant_small_share: Share
    bin_cards: Span
    bin_invalid_share: Share
    device_declined_cards: Span
    network_declined_cards: Span
    network_decline_share: Share
    evidence: Span


@dataclass(frozen=True, config=STRICT)
class VelocityAttack(Signals):
    """Attempts against the entity's own rate; surprise is -log10 of the tail's probability."""

    attempts_10m: Span
    attempts_1h: Span
    surprise: Span
    strange_surprise: Positive
    known_device_1h: Count
    merchant_share: Share
    amount_share: Share
    tour_amount_share: Share
    strange_amount_share: Share
    highest_by_mean: Factor
    new_merchants: Count
    spent_minor: Count
    history: Count


@dataclass(frozen=True, config=STRICT)
class ImpossibleGeography(Signals):
    """Distance (km) and speed (km/h) between two card-present events."""

    km: Span
    kmh: Span
    stripe_kmh: Positive
    online: Share

    @model_validator(mode="after")
    def _stripe_is_slower(self) -> ImpossibleGeography:
        if self.stripe_kmh > self.kmh[0]:
            raise ValueError("stripe_kmh may not be more than where kmh begins")
        return self


@dataclass(frozen=True, config=STRICT)
class AmountProbing(Signals):
    """Rising runs, and the limit closed in from both sides."""

    run: Span
    growth: Factor
    attempts: Count
    amounts: Count
    familiar: Count
    refusals: Count
    new_merchants: Count
    amount_sd: Positive
    closing_sd: Positive
    bracket: Span
    strange_bracket: Share
    surprise: Positive


@dataclass(frozen=True, config=STRICT)
class AccountTakeover(Signals):
    """A fresh change x new things x amounts beyond the customer's own."""

    change_hours: Span
    wallet_weight: Share
    new_device: Share
    new_network: Share
    abroad: Share
    new_wallet: Share
    amount_sd: Span
    amount_by_highest: Span
    day_by_usual: Span
    plain_shop: Share
    known_shop: Share
    evidence: Span

    @model_validator(mode="after")
    def _at_most_all_is_new(self) -> AccountTakeover:
        if self.new_device + self.new_network + self.abroad > 1:
            raise ValueError("new_device, new_network and abroad have to be at most 1 together")
        return self


@dataclass(frozen=True, config=STRICT)
class BustOut(Signals):
    """An old and steady account that spends up to its limit within days."""

    pace: Share
    spend_7d_by_usual: Span
    page_hinkley_days: Span
    day: Share
    day_of_limit: Annotated[Span, AfterValidator(_above_zero)]
    cash: Share
    cash_n_7d: Span
    room: Share
    room_30d: SignedSpan
    dear: Share
    dear_by_highest: Span
    again: Factor
    bounced: Share
    evidence: Span


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
