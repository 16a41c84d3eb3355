"""Impossible geography: two card-present events that nobody could travel between.

Judged by instrument (the phone's own number for wallets, else the card), net of the precision of
both places, so that a city centroid is not mistaken for a terminal. An online purchase has no place
but the country of its IP address, which says little: a weak signal that only adds to others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.detection.batch import Batch, Reason, Signal, ramp
from fraudstream_platform.detection.flags import STRIPE
from fraudstream_platform.detection.patterns.base import graded
from fraudstream_platform.detection.rules import RuleSet


class ImpossibleGeography:
    """Distance and speed since the last card-present event."""

    family = "geography"

    def signal(self, batch: Batch, rules: RuleSet) -> Signal:
        """Faster and farther is worse; the magnetic stripe, which can be copied, too."""
        geography = rules.impossible_geography
        abroad = (batch["event_ip_abroad"] > 0.5) & (batch["customer_new_ip_net"] > 0.5)
        signal = np.where(abroad & batch.is_remote, geography.online, 0.0)
        rows = np.flatnonzero(batch["instrument_speed_kmh"] > geography.stripe_kmh)
        if rows.shape[0]:
            signal[rows] = np.maximum(signal[rows], self._trips(batch, rows, rules))
        return signal

    def _trips(self, batch: Batch, rows: NDArray[np.intp], rules: RuleSet) -> Signal:
        geography = rules.impossible_geography
        net = batch["instrument_net_distance_km"][rows]
        speed = batch["instrument_speed_kmh"][rows]
        copied = (batch.events.flags[rows] & STRIPE) != 0
        possible = np.where(copied, geography.stripe_kmh, geography.kmh[0])
        enough = (net > geography.km[0]) & (speed > possible)
        evidence = 0.6 * ramp(speed, geography.kmh) + 0.2 * ramp(net, geography.km) + 0.2 * copied
        return graded(enough, evidence, geography)

    def reasons(self, batch: Batch, row: int, rules: RuleSet) -> list[Reason]:
        """IG01: the trip that nobody can make; IG02: a new network in a country not the shop's."""
        geography = rules.impossible_geography
        if self._trips(batch, np.array([row]), rules)[0] == 0.0:
            text = "Online from a new IP network in another country than the shop's; usual: 0 new"
            return [Reason("IG02", text, 1.0, 0.0, 86_400, "customer")]
        net = batch.at("instrument_net_distance_km", row)
        minutes = 60 * batch.at("instrument_since_present_h", row)
        speed = batch.at("instrument_speed_kmh", row)
        copied = bool(batch.events.flags[row] & STRIPE)
        possible = geography.stripe_kmh if copied else geography.kmh[0]
        by = " by its magnetic stripe" if copied else ""
        text = (
            f"Card present{by} {net:,.0f} km from its last terminal {minutes:.0f} min apart: "
            f"{speed:,.0f} km/h; possible: {possible:.0f} km/h"
        )
        return [Reason("IG01", text, speed, possible, round(60 * minutes), "instrument")]
