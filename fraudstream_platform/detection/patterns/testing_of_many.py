"""Testing of many cards: a list of stolen or guessed numbers tried at one place within minutes.

Each card is seen once or twice, so what they have in common is judged: the merchant, the BIN at the
merchant, the device, the IP network. A little of several is as telling as much of one. The reason
names the strongest, and it is acted upon, not every cardholder seen there: at a merchant only
refused cards and verifications are taken as part of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.detection.batch import Batch, Reason, Signal, ramp
from fraudstream_platform.detection.flags import HARD, PROBE, VERIFY
from fraudstream_platform.detection.patterns.base import graded
from fraudstream_platform.detection.rules import RuleSet


class TestingOfMany:
    """Cards and refusals of ten minutes at a merchant, or of a day on a device or network."""

    family = "testing"

    def signal(self, batch: Batch, rules: RuleSet) -> Signal:
        """Evidence of all four, added up."""
        many = rules.testing_of_many
        crowded = (
            (batch["merchant_cards_10m"] > many.merchant_cards[0])
            | (batch["bin_merchant_cards_10m"] > many.bin_cards[0])
            | (batch["device_declined_cards_24h"] > many.device_declined_cards[0])
            | (batch["ipnet_declined_cards_24h"] > many.network_declined_cards[0])
        )
        rows = np.flatnonzero(crowded & batch.is_remote & batch.has(PROBE))
        if rows.shape[0] == 0:
            return np.zeros(batch.rows)
        merchant, of_bin, device, network = self._entities(batch, rows, rules).values()
        together = merchant + of_bin + device + network
        enough = together >= many.evidence[0]
        return batch.spread(rows, graded(enough, ramp(together, many.evidence), many))

    def _entities(self, batch: Batch, rows: NDArray[np.intp], rules: RuleSet) -> dict[str, Signal]:
        """Share of full evidence of each entity."""
        many = rules.testing_of_many

        def of(feature: str) -> NDArray[np.float64]:
            return batch[feature][rows]

        tried = (batch.events.flags[rows] & (HARD | VERIFY)) != 0
        is_tested = (of("merchant_decline_share_10m") >= many.merchant_decline_share) & (
            of("merchant_small_share_10m") >= many.merchant_small_share
        )
        is_guessed = of("bin_merchant_invalid_share_10m") >= many.bin_invalid_share
        declined = of("ipnet_declined_cards_24h")
        is_refused = declined >= many.network_decline_share * of("ipnet_cards_24h")
        return {
            "merchant": ramp(of("merchant_cards_10m"), many.merchant_cards) * (tried & is_tested),
            "bin_merchant": ramp(of("bin_merchant_cards_10m"), many.bin_cards)
            * (tried & is_guessed),
            "device": ramp(of("device_declined_cards_24h"), many.device_declined_cards),
            "ipnet": ramp(declined, many.network_declined_cards) * is_refused,
        }

    def reasons(self, batch: Batch, row: int, rules: RuleSet) -> list[Reason]:
        """CT02 merchant, CT03 BIN at a merchant, CT04 device, CT05 IP network."""
        found = self._entities(batch, np.array([row]), rules)
        entity = max(found, key=lambda name: float(found[name][0]))
        if entity in ("device", "ipnet"):
            code, words = ("CT04", "device") if entity == "device" else ("CT05", "IP network")
            declined = batch.at(f"{entity}_declined_cards_24h", row)
            cards = batch.at(f"{entity}_cards_24h", row)
            text = (
                f"{declined:.0f} cards declined of {cards:.0f} tried from one {words} in 24 h; "
                "usual: no more than the cards of a household"
            )
            return [Reason(code, text, declined, None, 86_400, entity)]
        cards = batch.at(f"{entity}_cards_10m", row)
        if entity == "merchant":
            share = 100 * batch.at("merchant_decline_share_10m", row)
            text = (
                f"{cards:.0f} cards tried at one merchant in 10 min, {share:.0f} % of attempts "
                "declined; usual: 1 to 3 %"
            )
            return [Reason("CT02", text, cards, None, 600, entity)]
        share = 100 * batch.at("bin_merchant_invalid_share_10m", row)
        text = (
            f"{cards:.0f} cards of one BIN tried at one merchant in 10 min, {share:.0f} % of "
            "attempts with numbers that do not exist; usual: below 1 %"
        )
        return [Reason("CT03", text, cards, None, 600, entity)]
