"""Account takeover: somebody changes the way in, comes with things of his own, and buys to sell.

Evidence has to come together, so it is multiplied: a fresh change of contact, credentials or wallet;
a device, network or wallet that the customer never used; and amounts beyond the customer's own, which
count in full where the shop sells what is resold easily. A new phone or a house move has the first
two and usual spending; a holiday has the last two and no change.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.detection.batch import Batch, Reason, Signal, major, ramp
from fraudstream_platform.detection.patterns.base import graded
from fraudstream_platform.detection.rules import RuleSet

_NEW = {"device": "device", "ip_net": "IP network", "country": "country", "merchant": "shop"}
_CHANGES = {
    "contact": ("AT01", "Contact"),
    "credential": ("AT02", "Credentials"),
    "wallet": ("AT03", "Wallet"),
}


class AccountTakeover:
    """Change x new things x amounts, of one customer."""

    family = "takeover"

    def signal(self, batch: Batch, rules: RuleSet) -> Signal:
        """0 where one of the three is missing: alone each of them is ordinary life."""
        takeover = rules.account_takeover
        hours = np.fmin(
            np.fmin(batch["event_since_contact_h"], batch["event_since_credential_h"]),
            batch["event_since_wallet_h"],
        )
        rows = np.flatnonzero((hours < takeover.change_hours[1]) & batch.is_attempt)
        if rows.shape[0] == 0:
            return np.zeros(batch.rows)
        together = (
            self._changed(batch, rows, rules)
            * self._new(batch, rows, rules)
            * self._beyond(batch, rows, rules)
        )
        enough = together >= takeover.evidence[0]
        return batch.spread(rows, graded(enough, ramp(together, takeover.evidence), takeover))

    def _changed(self, batch: Batch, rows: NDArray[np.intp], rules: RuleSet) -> Signal:
        """1 for a change just made, 0 for an old one or none."""
        takeover = rules.account_takeover

        def fresh(hours: NDArray[np.float64]) -> Signal:
            known = hours < takeover.change_hours[1]
            return np.where(known, 1.0 - ramp(hours, takeover.change_hours), 0.0)

        way_in = np.fmin(
            batch["event_since_contact_h"][rows], batch["event_since_credential_h"][rows]
        )
        wallet = fresh(batch["event_since_wallet_h"][rows])
        return np.maximum(fresh(way_in), takeover.wallet_weight * wallet)

    def _new(self, batch: Batch, rows: NDArray[np.intp], rules: RuleSet) -> Signal:
        """Share of what could be new; at a terminal only the wallet can be."""
        takeover = rules.account_takeover

        def yes(feature: str) -> Signal:
            return np.where(batch[feature][rows] > 0.5, 1.0, 0.0)

        online = takeover.new_device * yes("customer_new_device")
        online += takeover.new_network * yes("customer_new_ip_net")
        online *= batch.is_remote[rows]
        by_wallet = (batch.events.instrument[rows] != batch.events.card[rows]) & (
            batch["event_since_wallet_h"][rows] < takeover.change_hours[1]
        )
        new = np.maximum(online, takeover.new_wallet * by_wallet)
        abroad = np.maximum(yes("customer_new_country"), yes("event_ip_abroad"))
        return np.where(new > 0.0, new + takeover.abroad * abroad, 0.0)

    def _beyond(self, batch: Batch, rows: NDArray[np.intp], rules: RuleSet) -> Signal:
        """How far the amount, or the day's spend, is beyond the customer's own."""
        takeover = rules.account_takeover
        usual_day = _usual_day(batch, rows)
        day = batch["customer_sum_24h"][rows] + batch.events.amount[rows]
        amount = np.maximum(
            ramp(batch["customer_z_log_amount"][rows], takeover.amount_sd),
            ramp(batch["customer_ratio_to_max_30d"][rows], takeover.amount_by_highest),
        )
        beyond = np.maximum(amount, ramp(day / usual_day, takeover.day_by_usual))
        resale = batch["event_resale_mcc"][rows] > 0.5
        new = batch["customer_new_merchant"][rows] > 0.5
        beyond *= np.where(resale, 1.0, takeover.plain_shop)
        return beyond * np.where(new, 1.0, takeover.known_shop)

    def reasons(self, batch: Batch, row: int, rules: RuleSet) -> list[Reason]:
        """AT01 to AT03: what was changed, what is new, and how far the amounts go."""
        since = {name: batch.at(f"event_since_{name}_h", row) for name in _CHANGES}
        changed = min(since, key=lambda name: (math.isnan(since[name]), since[name]))
        code, words = _CHANGES[changed]
        new = [text for name, text in _NEW.items() if batch.at(f"customer_new_{name}", row) > 0.5]
        day = batch.at("customer_sum_24h", row) + float(batch.events.amount[row])
        usual = float(_usual_day(batch, np.array([row]))[0])
        text = (
            f"{words} changed {since[changed]:.1f} h before; new to the customer: "
            f"{', '.join(new) or 'the wallet'}; {major(day)} in 24 h with this one; usual: "
        )
        if math.isnan(usual):
            return [Reason(code, text + "unknown", day, None, 86_400, "customer")]
        return [Reason(code, f"{text}{major(usual)} a day", day, usual, 86_400, "customer")]


def _usual_day(batch: Batch, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Money of a usual day: the usual rate times the mean amount of 30 days; NaN where unknown."""
    attempts, spent = batch["customer_n_30d"][rows], batch["customer_sum_30d"][rows]
    mean = np.where((attempts > 0) & (spent > 0), spent / np.maximum(1, attempts), np.nan)
    usual: NDArray[np.float64] = 24.0 * batch["customer_expected_per_hour"][rows] * mean
    return usual
