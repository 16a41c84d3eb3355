"""Card testing: is this card alive? Tiny amounts and verifications, many refused, within minutes.

Per card and per customer. Testing spread over many cards of one merchant, device or BIN needs
counts that cross partitions.
"""

from __future__ import annotations

import numpy as np

from fraudstream_platform.detection.batch import Batch, Reason, Signal, major, ramp
from fraudstream_platform.detection.flags import PROBE, SMALL_MINOR
from fraudstream_platform.detection.rules import RuleSet


class CardTesting:
    """Probes of ten minutes, this one included, with refusals or verifications among them."""

    family = "testing"

    def signal(self, batch: Batch, rules: RuleSet) -> Signal:
        """Probes, refusals and merchants of the card or of the customer, whichever is worse."""
        found = np.maximum(self._of("card", batch, rules), self._of("customer", batch, rules))
        return np.where(batch.has(PROBE), found, 0.0)

    def _of(self, entity: str, batch: Batch, rules: RuleSet) -> Signal:
        probes = batch[f"{entity}_probes_10m"]
        refused = batch[f"{entity}_declines_10m"] + batch[f"{entity}_verify_10m"]
        merchants = batch[f"{entity}_probe_merchants_10m"]
        enough = (
            (probes >= rules.card_testing.probes)
            & (refused >= rules.card_testing.refused)
            & (merchants >= rules.card_testing.merchants)
        )
        strength = (
            0.62
            + 0.20 * ramp(probes, rules.card_testing.probes, rules.card_testing.probes + 6)
            + 0.10 * ramp(refused, rules.card_testing.refused, rules.card_testing.refused + 4)
            + 0.05 * ramp(merchants, rules.card_testing.merchants, rules.card_testing.merchants + 3)
        )
        return np.where(enough, strength, 0.0)

    def reasons(self, batch: Batch, row: int, rules: RuleSet) -> list[Reason]:
        """CT01: the probes, counted."""
        entity = "card"
        if batch.at("customer_probes_10m", row) > batch.at("card_probes_10m", row):
            entity = "customer"
        probes = batch.at(f"{entity}_probes_10m", row)
        merchants = batch.at(f"{entity}_probe_merchants_10m", row)
        declined = batch.at(f"{entity}_declines_10m", row)
        verified = batch.at(f"{entity}_verify_10m", row)
        usual = batch.at(f"{entity}_expected_per_hour", row) / 6
        text = (
            f"{probes:.0f} probes (up to {major(SMALL_MINOR)}, verifications, refused cards) in "
            f"10 min at {merchants:.0f} merchants, {declined:.0f} declined and {verified:.0f} "
            f"verifications before this one; usual: {24 * 6 * usual:.1f} transactions a day"
        )
        return [Reason("CT01", text, probes, usual, 600, entity)]
