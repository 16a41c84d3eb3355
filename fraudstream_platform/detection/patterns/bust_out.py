"""Bust-out: an account that was steady for months spends up to its limit and never pays.

A wedding or a house move goes beyond custom too. What tells them apart is what was bought (cash, what
is as good as cash, what is resold easily) and payments that bounce. Utilisation alone would see little:
a run-up often begins with a payment that makes room and comes back later.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.detection.batch import Batch, Reason, Signal, ramp
from fraudstream_platform.detection.patterns.base import graded
from fraudstream_platform.detection.rules import RuleSet


class BustOut:
    """Pace, dear purchases of what is as good as money, and the limit, of one credit card."""

    family = "bust_out"

    def signal(self, batch: Batch, rules: RuleSet) -> Signal:
        """0 for other purchases, for the first dear one, and for cards without a limit."""
        bust = rules.bust_out
        goods = (batch["event_resale_mcc"] > 0.5) | (batch["event_cash_like"] > 0.5)
        again = batch["card_ratio_to_max_30d"] <= bust.again
        fast = (batch["card_spend_7d_over_90d"] > bust.spend_7d_by_usual[0]) | (
            batch["card_page_hinkley"] > bust.page_hinkley_days[0]
        )
        rows = np.flatnonzero(goods & again & fast & batch.is_attempt)
        rows = rows[~np.isnan(batch["card_utilisation"][rows])]
        if rows.shape[0] == 0:
            return np.zeros(batch.rows)
        dear = ramp(batch["card_z_log_amount"][rows], bust.amount_sd)
        together = (
            0.35 * self._pace(batch, rows, rules)
            + 0.3 * dear
            + 0.25 * self._liquid(batch, rows, rules)
            + 0.1 * self._jump(batch, rows, rules)
        )
        enough = together >= bust.evidence[0]
        return batch.spread(rows, graded(enough, ramp(together, bust.evidence), bust))

    def _pace(self, batch: Batch, rows: NDArray[np.intp], rules: RuleSet) -> Signal:
        bust = rules.bust_out
        week = ramp(batch["card_spend_7d_over_90d"][rows], bust.spend_7d_by_usual)
        return 0.7 * week + 0.3 * ramp(batch["card_page_hinkley"][rows], bust.page_hinkley_days)

    def _liquid(self, batch: Batch, rows: NDArray[np.intp], rules: RuleSet) -> Signal:
        """What can be had as money: a share of the month's spend, or this purchase; or a bounce."""
        bust = rules.bust_out
        often = batch["card_cash_n_7d"][rows] >= bust.cash_n_7d
        cash = ramp(batch["card_cash_share_30d"][rows], bust.cash_share) * often
        bounced = batch["card_returned_payments_30d"][rows] >= 1
        liquid: Signal = np.maximum(np.maximum(cash, bust.resale), bounced)
        return liquid

    def _jump(self, batch: Batch, rows: NDArray[np.intp], rules: RuleSet) -> Signal:
        bust = rules.bust_out
        return np.maximum(
            ramp(batch["card_utilisation_change_7d"][rows], bust.jump_7d),
            ramp(batch["card_utilisation_change_30d"][rows], bust.jump_30d),
        )

    def reasons(self, batch: Batch, row: int, rules: RuleSet) -> list[Reason]:
        """BO02: with a payment that bounced; BO01: without."""
        pace, steps = batch.at("card_spend_7d_over_90d", row), batch.at("card_page_hinkley", row)
        told = f"Spent {pace:.1f} times as much in 7 days as usual"
        if math.isnan(pace):
            told = f"Spent {steps:.0f} usual days' worth beyond custom"
        used = 100 * batch.at("card_utilisation", row)
        cash = batch.at("card_cash_n_7d", row)
        bounced = batch.at("card_returned_payments_30d", row)
        text = (
            f"{told}; {cash:.0f} cash-like purchases in 7 days, {bounced:.0f} payments bounced in "
            f"30; {used:.0f} % of the limit used"
        )
        code = "BO02" if bounced >= 1 else "BO01"
        value, usual = (steps, 0.0) if math.isnan(pace) else (pace, 1.0)
        return [Reason(code, text, value, usual, 7 * 86_400, "card")]
