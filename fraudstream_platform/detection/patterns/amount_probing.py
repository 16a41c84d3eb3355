"""Amount probing: feeling for the limit with rising amounts, or closing in on it from both sides.

Fuel authorisations, which rise and fall by themselves, are left out. A retry repeats its amount,
and a bill that is split names few amounts: no search. Where the device is the customer's own, or the
terminals are where the customer goes anyway, it takes more of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.detection.batch import Batch, Reason, Signal, major, ramp
from fraudstream_platform.detection.flags import FUEL, FUNDS, VERIFY
from fraudstream_platform.detection.patterns.base import ACCOUNTS, graded
from fraudstream_platform.detection.rules import RuleSet


class AmountProbing:
    """Rising runs and brackets of one hour, this attempt included."""

    family = "probing"

    def signal(self, batch: Batch, rules: RuleSet) -> Signal:
        """The worse of card and customer."""
        fewest = min(rules.amount_probing.run[0], rules.amount_probing.attempts)
        many = batch.higher("amounts_1h") >= fewest
        rows = np.flatnonzero(many & batch.is_attempt & ~batch.any_of(FUEL | VERIFY))
        if rows.shape[0] == 0:
            return np.zeros(batch.rows)
        found = [
            of(account, batch, rows, rules)
            for of in (self._rising, self._closing)
            for account in ACCOUNTS
        ]
        return batch.spread(rows, np.maximum.reduce(found))

    def _rising(self, account: str, batch: Batch, rows: NDArray[np.intp], rules: RuleSet) -> Signal:
        probing = rules.amount_probing
        # Amounts of four purchases in a row rise by chance now and then: within an hour only where
        # some were refused, else within ten minutes; and beyond what the customer spends at once.
        refused = batch[f"{account}_funds_declined_1h"][rows] > 0
        run = batch[f"{account}_rising_run_10m"][rows]
        run = np.where(refused, np.maximum(run, batch[f"{account}_rising_run_1h"][rows]), run)
        highest = np.maximum(1, batch[f"{account}_max_approved_1h"][rows])
        grown = refused | (batch.events.amount[rows] >= probing.growth * highest)
        dear = batch["customer_z_log_amount"][rows] >= probing.amount_sd
        # Where there is no custom yet, it has to be the double.
        dear |= self._is_new(batch, rows, rules) & (batch.events.amount[rows] >= 2 * highest)
        least = np.where(self._strange(batch, rows, rules), probing.run[0], probing.familiar)
        enough = (run >= least) & grown & dear
        return graded(enough, ramp(run, probing.run), probing)

    def _closing(
        self, account: str, batch: Batch, rows: NDArray[np.intp], rules: RuleSet
    ) -> Signal:
        probing = rules.amount_probing
        fast = batch[f"{account}_n_10m"][rows] + 1 >= probing.attempts
        unusual = batch[f"{account}_velocity_tail_1h"][rows] >= probing.surprise
        bracket = batch[f"{account}_bracket_ratio_1h"][rows]
        strange, remote = self._strange(batch, rows, rules), batch.is_remote[rows]
        fewest = np.where(strange, probing.attempts, probing.familiar)
        least = np.where(strange & remote, probing.strange_bracket, probing.bracket[0])
        # This attempt is one end of the bracket: a snack that follows searches nothing. A top-up lifts
        # approvals above the refusal: no search either.
        amount = batch.events.amount[rows]
        lowest = batch[f"{account}_min_funds_declined_1h"][rows]
        # At terminals one refusal after a few purchases is life: the limit is felt for, not met.
        refused = (batch.events.flags[rows] & FUNDS) != 0
        refusals = batch[f"{account}_funds_declined_1h"][rows] + refused
        dear = batch["customer_z_log_amount"][rows] >= probing.closing_sd
        dear |= self._is_new(batch, rows, rules)
        enough = (
            dear
            & (amount >= batch[f"{account}_max_approved_1h"][rows])
            & ((amount <= lowest) | (lowest == 0))
            & (remote | (refusals >= probing.refusals))
            & (batch[f"{account}_n_1h"][rows] + 1 >= fewest)
            & (fast | unusual)
            & (bracket >= least)
            & (bracket < 1.0)
            & (batch[f"{account}_amounts_1h"][rows] >= probing.amounts)
        )
        return graded(enough, ramp(bracket, probing.bracket), probing)

    def _is_new(self, batch: Batch, rows: NDArray[np.intp], rules: RuleSet) -> NDArray[np.bool_]:
        """Customers who have no custom yet."""
        new: NDArray[np.bool_] = batch["customer_n_30d"][rows] <= rules.amount_probing.attempts
        return new

    def _strange(self, batch: Batch, rows: NDArray[np.intp], rules: RuleSet) -> NDArray[np.bool_]:
        """Online from a device that the customer never used, at new terminals, or no custom yet."""
        strange: NDArray[np.bool_] = self._is_new(batch, rows, rules) | np.where(
            batch.is_remote[rows],
            batch["customer_new_device"][rows] > 0.5,
            batch["customer_new_merchants_1h"][rows] >= rules.amount_probing.new_merchants,
        )
        return strange

    def reasons(self, batch: Batch, row: int, rules: RuleSet) -> list[Reason]:
        """AP01: the rising run; AP02: the limit closed in."""
        rows = np.array([row])
        rising, account = max((self._rising(a, batch, rows, rules)[0], a) for a in ACCOUNTS)
        closing, other = max((self._closing(a, batch, rows, rules)[0], a) for a in ACCOUNTS)
        if rising >= closing:
            run = batch.at(f"{account}_rising_run_1h", row)
            text = (
                f"{run:.0f} attempts in a row, each higher than the one before, within 1 h, up to "
                f"{major(float(batch.events.amount[row]))}; usual: no such run"
            )
            return [Reason("AP01", text, run, None, 3600, account)]
        ratio = batch.at(f"{other}_bracket_ratio_1h", row)
        attempts = batch.at(f"{other}_n_1h", row) + 1
        text = (
            f"{attempts:.0f} attempts in 1 h closed in on the limit: the highest approval is "
            f"{100 * ratio:.0f} % of the lowest amount declined for funds"
        )
        return [Reason("AP02", text, ratio, None, 3600, other)]
