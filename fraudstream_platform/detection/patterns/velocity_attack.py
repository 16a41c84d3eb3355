"""Velocity attack: far more attempts than this card or customer ever makes.

Counts are judged against the entity's own rate by a negative binomial tail, since people are
burstier than Poisson. Merchant-initiated transactions are not counted.
"""

from __future__ import annotations

import numpy as np

from fraudstream_platform.detection.batch import Batch, Reason, Signal, major, ramp
from fraudstream_platform.detection.flags import ATTEMPT, CIT
from fraudstream_platform.detection.rules import RuleSet


class VelocityAttack:
    """Attempts of ten minutes or an hour, this one included."""

    family = "velocity"

    def signal(self, batch: Batch, rules: RuleSet) -> Signal:
        """The most surprising window of card and customer."""
        found = np.zeros(batch.rows)
        for entity in ("card", "customer"):
            for window, least in (
                ("10m", rules.velocity_attack.attempts_10m),
                ("1h", rules.velocity_attack.attempts_1h),
            ):
                attempts = batch[f"{entity}_n_{window}"] + 1
                tail = batch[f"{entity}_velocity_tail_{window}"]
                enough = (attempts >= least) & (tail >= rules.velocity_attack.surprise)
                strength = 0.60 + 0.25 * ramp(
                    tail, rules.velocity_attack.surprise, rules.velocity_attack.surprise + 6
                )
                if window == "10m":
                    strength += 0.12 * ramp(attempts, least, rules.velocity_attack.cap_10m)
                found = np.maximum(found, np.where(enough, strength, 0.0))
        return np.where(batch.has(ATTEMPT | CIT), found, 0.0)

    def reasons(self, batch: Batch, row: int, rules: RuleSet) -> list[Reason]:
        """VA01: attempts of ten minutes; VA02: of an hour."""
        entity = "card"
        if batch.at("customer_n_1h", row) > batch.at("card_n_1h", row):
            entity = "customer"
        per_hour = batch.at(f"{entity}_expected_per_hour", row)
        code, window, window_s, words = "VA01", "10m", 600, "10 min"
        if (
            batch.at(f"{entity}_n_10m", row) + 1 < rules.velocity_attack.attempts_10m
            or batch.at(f"{entity}_velocity_tail_10m", row) < rules.velocity_attack.surprise
        ):
            code, window, window_s, words = "VA02", "1h", 3600, "1 h"
        attempts = batch.at(f"{entity}_n_{window}", row) + 1
        spent = batch.at(f"{entity}_sum_{window}", row)
        text = (
            f"{attempts:.0f} attempts in {words} on one {entity}, {major(spent)} approved before "
            f"this one; usual: {24 * per_hour:.1f} a day"
        )
        return [Reason(code, text, attempts, per_hour * window_s / 3600, window_s, entity)]
