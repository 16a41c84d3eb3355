"""Fraud for the simulator, one pattern a file.

Each file states its parameter ranges, has `plan(scene, strength)` and knows nothing of the
detectors.
"""

from __future__ import annotations

from fraudstream_platform.simulator.injector import (
    account_takeover,
    amount_probing,
    bust_out,
    card_testing,
    impossible_geography,
    merchant_collusion,
    synthetic_identity,
    testing_of_many,
    velocity_attack,
)
from fraudstream_platform.simulator.injector.attack import Plan

PATTERNS: dict[str, Plan] = {
    "card_testing": card_testing.plan,
    "velocity_attack": velocity_attack.plan,
    "impossible_geography": impossible_geography.plan,
    "amount_probing": amount_probing.plan,
    "testing_of_many": testing_of_many.plan,
    "account_takeover": account_takeover.plan,
    "bust_out": bust_out.plan,
    "merchant_collusion": merchant_collusion.plan,
    "synthetic_identity": synthetic_identity.plan,
}
"""Pattern -> the function that plans one attack of it."""

SLOW_PATTERNS = frozenset({"bust_out", "merchant_collusion", "synthetic_identity"})
"""Patterns that take days to months of history: worlds in true time only."""
NEEDS_CREDIT = frozenset({"bust_out"})
"""Patterns whose victim must have a credit card."""
DEMO_PATTERNS: tuple[str, ...] = tuple(name for name in PATTERNS if name not in SLOW_PATTERNS)
"""Patterns that can be compressed to seconds."""
QUICK_PATTERNS: tuple[str, ...] = (
    "card_testing", "velocity_attack", "impossible_geography", "amount_probing",
)  # fmt: skip
"""Patterns that show within seconds, on nobody's history: a run injects them unless told otherwise."""
