"""A second hand's fraud, held out: written from the specification's table, detectors unread.

Each file states its parameter ranges and has `plan(scene, strength)`, as in `injector/`. Nothing is
tuned on these attacks; `fraudstream evaluate --injector heldout` reports on them.
"""

from __future__ import annotations

from fraudstream_platform.simulator.heldout import (
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

HELDOUT: dict[str, Plan] = {
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
