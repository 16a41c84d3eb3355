"""The fraud patterns, one file each; `PATTERNS` is the list of them."""

from __future__ import annotations

from fraudstream_platform.detection.patterns.account_takeover import AccountTakeover
from fraudstream_platform.detection.patterns.amount_probing import AmountProbing
from fraudstream_platform.detection.patterns.base import Pattern
from fraudstream_platform.detection.patterns.bust_out import BustOut
from fraudstream_platform.detection.patterns.card_testing import CardTesting
from fraudstream_platform.detection.patterns.impossible_geography import ImpossibleGeography
from fraudstream_platform.detection.patterns.testing_of_many import TestingOfMany
from fraudstream_platform.detection.patterns.velocity_attack import VelocityAttack

PATTERNS: dict[str, Pattern] = {
    "card_testing": CardTesting(),
    "testing_of_many": TestingOfMany(),
    "velocity_attack": VelocityAttack(),
    "impossible_geography": ImpossibleGeography(),
    "amount_probing": AmountProbing(),
    "account_takeover": AccountTakeover(),
    "bust_out": BustOut(),
}

__all__ = ["PATTERNS", "Pattern"]
