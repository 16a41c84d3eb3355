"""Bust-out: a steady account that spends up to its limit within days, and never pays.

What gives it away is not the pace alone, which a wedding has too, but how much of the limit one day
takes, in cash and what is as good as cash, after a payment has made room for it. A payment that
bounces says the same afterwards. One dear purchase is life: only what comes after it counts, as far
as it is as dear itself; a snack after a dear day says nothing.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.detection.batch import Batch, Reason, Signal, ramp
from fraudstream_platform.detection.patterns.base import graded
from fraudstream_platform.detection.rules import RuleSet


class BustOut:
    """Pace, a day's share of the limit, cash, and the room made for it, of one credit card."""

    family = "bust_out"

    def signal(self, batch: Batch, rules: RuleSet) -> Signal:
        """0 for other purchases, for the first dear one, and for cards without a limit."""
        bust = rules.bust_out
        goods = (batch["event_resale_mcc"] > 0.5) | (batch["event_cash_like"] > 0.5)
        dear = batch["card_ratio_to_max_30d"]
        again = (dear > bust.dear_by_highest[0]) & (dear <= bust.again)
        fast = (
            (batch["card_spend_7d_over_90d"] > bust.spend_7d_by_usual[0])
            | (batch["card_page_hinkley"] > bust.page_hinkley_days[0])
            | (batch["card_returned_payments_30d"] >= 1)
        )
        rows = np.flatnonzero(goods & again & fast & batch.is_attempt)
        known = batch["card_page_hinkley"][rows] + batch["card_utilisation"][rows]
        rows = rows[~np.isnan(known + batch.events.credit_limit[rows])]
        if rows.shape[0] == 0:
            return np.zeros(batch.rows)
        together = self._together(batch, rows, rules)
        enough = together >= bust.evidence[0]
        return batch.spread(rows, graded(enough, ramp(together, bust.evidence), bust))

    def _together(self, batch: Batch, rows: NDArray[np.intp], rules: RuleSet) -> Signal:
        """All evidence, each kind by its share."""
        bust = rules.bust_out
        week = ramp(batch["card_spend_7d_over_90d"][rows], bust.spend_7d_by_usual)
        jump = ramp(batch["card_page_hinkley"][rows], bust.page_hinkley_days)
        cash = batch["card_cash_n_7d"][rows] + (batch["event_cash_like"][rows] > 0.5)
        together: Signal = (
            bust.pace * (week + jump) / 2
            + bust.day * self._day(batch, rows, rules)
            + bust.cash * ramp(cash, bust.cash_n_7d)
            + bust.room * ramp(-batch["card_utilisation_change_30d"][rows], bust.room_30d)
            + bust.dear * ramp(batch["card_ratio_to_max_30d"][rows], bust.dear_by_highest)
            + bust.bounced * (batch["card_returned_payments_30d"][rows] >= 1)
        )
        return together

    def _day(self, batch: Batch, rows: NDArray[np.intp], rules: RuleSet) -> Signal:
        """On a scale of factors: a tenth of the limit is as far from a fifth as that is from two."""
        low, high = rules.bust_out.day_of_limit
        return ramp(
            np.log(np.maximum(low, _day_of_limit(batch, rows))), (math.log(low), math.log(high))
        )

    def reasons(self, batch: Batch, row: int, rules: RuleSet) -> list[Reason]:
        """BO02: with a payment that bounced; BO01: without."""
        pace, steps = batch.at("card_spend_7d_over_90d", row), batch.at("card_page_hinkley", row)
        told = f"Spent {pace:.1f} times as much in 7 days as usual"
        if math.isnan(pace):
            told = f"Spent {steps:.0f} usual days' worth beyond custom"
        day = 100 * float(_day_of_limit(batch, np.array([row]))[0])
        used = 100 * batch.at("card_utilisation", row)
        cash = batch.at("card_cash_n_7d", row) + (batch.at("event_cash_like", row) > 0.5)
        bounced = batch.at("card_returned_payments_30d", row)
        text = (
            f"{told}, {day:.0f} % of the limit in 24 h; {cash:.0f} cash-like purchases in 7 days, "
            f"{bounced:.0f} payments bounced in 30; {used:.0f} % of the limit used"
        )
        code = "BO02" if bounced >= 1 else "BO01"
        value, usual = (steps, 0.0) if math.isnan(pace) else (pace, 1.0)
        return [Reason(code, text, value, usual, 7 * 86_400, "card")]


def _day_of_limit(batch: Batch, rows: NDArray[np.intp]) -> Signal:
    """Spend of 24 h, this purchase included, by the credit limit."""
    spent = batch["card_sum_24h"][rows] + batch.events.amount[rows]
    share: Signal = spent / np.maximum(1.0, batch.events.credit_limit[rows])
    return share
