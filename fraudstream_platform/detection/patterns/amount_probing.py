"""Amount probing: feeling for the limit with rising amounts, or closing in on it from both sides.

Fuel authorisations, which rise and fall by themselves, are left out.
"""

from __future__ import annotations

import numpy as np

from fraudstream_platform.detection.batch import Batch, Reason, Signal, major, ramp
from fraudstream_platform.detection.flags import ATTEMPT, CIT, FUEL, VERIFY
from fraudstream_platform.detection.rules import RuleSet


class AmountProbing:
    """Rising runs and brackets of one hour, this attempt included."""

    family = "probing"

    def signal(self, batch: Batch, rules: RuleSet) -> Signal:
        """The worse of card and customer."""
        found = np.maximum(self._of("card", batch, rules), self._of("customer", batch, rules))
        considered = batch.has(ATTEMPT | CIT) & ~batch.any_of(FUEL | VERIFY)
        return np.where(considered, found, 0.0)

    def _of(self, entity: str, batch: Batch, rules: RuleSet) -> Signal:
        attempts = batch[f"{entity}_n_1h"] + 1
        fast = batch[f"{entity}_n_10m"] + 1 >= rules.amount_probing.attempts
        # Four attempts of one hour are a search only where that many are unusual.
        unusual = batch[f"{entity}_velocity_tail_1h"] >= rules.amount_probing.surprise
        run = np.where(unusual, batch[f"{entity}_rising_run_1h"], batch[f"{entity}_rising_run_10m"])
        highest = batch[f"{entity}_max_approved_1h"]
        grown = batch.events.amount >= rules.amount_probing.growth * np.maximum(1, highest)
        bracket = batch[f"{entity}_bracket_ratio_1h"]
        # A retry repeats its amount, and a top-up lifts approvals above the refusal: no search.
        searching = (bracket < 1.0) & (
            batch[f"{entity}_amounts_1h"] >= rules.amount_probing.amounts
        )
        rising = (run >= rules.amount_probing.run) & (grown | (batch[f"{entity}_declines_1h"] > 0))
        closing = (
            (attempts >= rules.amount_probing.attempts)
            & (fast | unusual)
            & (bracket >= rules.amount_probing.bracket)
            & searching
        )
        by_run = 0.62 + 0.25 * ramp(run, rules.amount_probing.run, rules.amount_probing.run + 4)
        by_bracket = 0.62 + 0.25 * ramp(bracket, rules.amount_probing.bracket, 1.0)
        return np.maximum(np.where(rising, by_run, 0.0), np.where(closing, by_bracket, 0.0))

    def reasons(self, batch: Batch, row: int, rules: RuleSet) -> list[Reason]:
        """AP01: the rising run; AP02: the limit closed in."""
        entity = "card"
        if batch.at("customer_rising_run_1h", row) > batch.at("card_rising_run_1h", row):
            entity = "customer"
        run = batch.at(f"{entity}_rising_run_1h", row)
        amount = float(batch.events.amount[row])
        if run >= rules.amount_probing.run:
            text = (
                f"{run:.0f} attempts in a row, each higher than the one before, within 1 h, up to "
                f"{major(amount)}; usual: no such run"
            )
            return [Reason("AP01", text, run, None, 3600, entity)]
        ratio = batch.at(f"{entity}_bracket_ratio_1h", row)
        attempts = batch.at(f"{entity}_n_1h", row) + 1
        text = (
            f"{attempts:.0f} attempts in 1 h closed in on the limit: the highest approval is "
            f"{100 * ratio:.0f} % of the lowest amount declined for funds"
        )
        return [Reason("AP02", text, ratio, None, 3600, entity)]
