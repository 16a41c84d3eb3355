"""Fraud for the simulator, one pattern a file.

Each file states its parameter ranges, has `plan(scene, strength)` and knows nothing of the
detectors.
"""

from __future__ import annotations

from fraudstream_platform.simulator.injector import (
    amount_probing,
    card_testing,
    impossible_geography,
    velocity_attack,
)
from fraudstream_platform.simulator.injector.attack import Plan

PATTERNS: dict[str, Plan] = {
    "card_testing": card_testing.plan,
    "velocity_attack": velocity_attack.plan,
    "impossible_geography": impossible_geography.plan,
    "amount_probing": amount_probing.plan,
}
"""Pattern -> the function that plans one attack of it."""
