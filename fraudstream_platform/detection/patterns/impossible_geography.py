"""Impossible geography: two card-present events that nobody could travel between.

Judged by instrument (the phone's own number for wallets, else the card), net of the precision of
both places, so that a city centroid is not mistaken for a terminal.
"""

from __future__ import annotations

import numpy as np

from fraudstream_platform.detection.batch import Batch, Reason, Signal, ramp
from fraudstream_platform.detection.flags import STRIPE
from fraudstream_platform.detection.rules import RuleSet


class ImpossibleGeography:
    """Distance and speed since the last card-present event."""

    family = "geography"

    def signal(self, batch: Batch, rules: RuleSet) -> Signal:
        """Faster and farther is worse; the magnetic stripe, which can be copied, too."""
        net = batch["instrument_net_distance_km"]
        speed = batch["instrument_speed_kmh"]
        enough = (net > rules.impossible_geography.km) & (speed > rules.impossible_geography.kmh)
        strength = (
            0.65
            + 0.20 * ramp(speed, rules.impossible_geography.kmh, 4 * rules.impossible_geography.kmh)
            + 0.07 * ramp(net, rules.impossible_geography.km, 10 * rules.impossible_geography.km)
            + 0.05 * batch.any_of(STRIPE)
        )
        return np.where(enough, strength, 0.0)

    def reasons(self, batch: Batch, row: int, rules: RuleSet) -> list[Reason]:
        """IG01: the trip that nobody can make."""
        net = batch.at("instrument_net_distance_km", row)
        minutes = 60 * batch.at("instrument_since_present_h", row)
        speed = batch.at("instrument_speed_kmh", row)
        text = (
            f"Card present {net:,.0f} km from its last terminal {minutes:.0f} min apart: "
            f"{speed:,.0f} km/h; possible: {rules.impossible_geography.kmh:.0f} km/h"
        )
        window_s = round(60 * minutes)
        return [Reason("IG01", text, speed, rules.impossible_geography.kmh, window_s, "instrument")]
