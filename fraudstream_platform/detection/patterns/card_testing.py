"""Card testing: is this card alive? Tiny amounts and verifications, many refused, within minutes.

Per card and per customer, without the card at a terminal: taps in a row at ticket machines are life.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.detection.batch import Batch, Reason, Signal, major, ramp
from fraudstream_platform.detection.flags import PROBE, SMALL_MINOR
from fraudstream_platform.detection.patterns.base import ACCOUNTS, graded
from fraudstream_platform.detection.rules import RuleSet


class CardTesting:
    """Probes of ten minutes, this one included, with refusals or verifications among them."""

    family = "testing"

    def signal(self, batch: Batch, rules: RuleSet) -> Signal:
        """Probes, refusals and merchants of the card or of the customer, whichever is worse."""
        testing = rules.card_testing
        many = (batch.higher("probes_10m") >= testing.probes[0]) | (
            batch.higher("hard_1h") >= testing.hard_1h
        )
        rows = np.flatnonzero(many & batch.is_remote & batch.has(PROBE))
        if rows.shape[0] == 0:
            return np.zeros(batch.rows)
        card, customer = (self._of(account, batch, rows, rules) for account in ACCOUNTS)
        return batch.spread(rows, np.maximum(card, customer))

    def _of(self, account: str, batch: Batch, rows: NDArray[np.intp], rules: RuleSet) -> Signal:
        testing = rules.card_testing
        probes = batch[f"{account}_probes_10m"][rows]
        refused = batch[f"{account}_declines_10m"][rows] + batch[f"{account}_verify_10m"][rows]
        enough = (
            (probes >= testing.probes[0])
            & (refused >= testing.refused[0])
            & (batch[f"{account}_probe_merchants_10m"][rows] >= testing.merchants)
        ) | self._slow(account, batch, rows, rules)
        evidence = 0.65 * ramp(probes, testing.probes) + 0.35 * ramp(refused, testing.refused)
        return graded(enough, evidence, testing)

    def _slow(
        self, account: str, batch: Batch, rows: NDArray[np.intp], rules: RuleSet
    ) -> NDArray[np.bool_]:
        """Refused for the card or its CVV again and again within an hour."""
        slow: NDArray[np.bool_] = batch[f"{account}_hard_1h"][rows] >= rules.card_testing.hard_1h
        return slow

    def reasons(self, batch: Batch, row: int, rules: RuleSet) -> list[Reason]:
        """CT01: the probes, counted; CT06: refusals of an hour."""
        rows = np.array([row])
        account = max(ACCOUNTS, key=lambda name: self._of(name, batch, rows, rules)[0])
        probes = batch.at(f"{account}_probes_10m", row)
        usual = batch.at(f"{account}_expected_per_hour", row)
        if self._slow(account, batch, rows, rules)[0]:
            hard = batch.at(f"{account}_hard_1h", row)
            text = (
                f"{hard:.0f} attempts refused for the card or its CVV in 1 h before this probe; "
                f"usual: {24 * usual:.1f} transactions a day"
            )
            return [Reason("CT06", text, hard, usual, 3600, account)]
        merchants = batch.at(f"{account}_probe_merchants_10m", row)
        declined = batch.at(f"{account}_declines_10m", row)
        verified = batch.at(f"{account}_verify_10m", row)
        text = (
            f"{probes:.0f} probes (up to {major(SMALL_MINOR)}, verifications, refused cards) in "
            f"10 min at {merchants:.0f} merchants, {declined:.0f} declined and {verified:.0f} "
            f"verifications before this one; usual: {24 * usual:.1f} transactions a day"
        )
        return [Reason("CT01", text, probes, usual / 6, 600, account)]
