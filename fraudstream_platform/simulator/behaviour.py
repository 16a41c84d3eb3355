"""Ordinary life: what customers do in their turn, and what follows from it.

Look-alikes of fraud are part of it: fuel pre-authorisations, vending and transit in a row, retries
after a decline, travel, subscriptions that are charged again, verifications of a stored card.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from fraudstream_platform.simulator import messages as m
from fraudstream_platform.simulator.declines import declined_now_and_then
from fraudstream_platform.simulator.merchants import Merchant, Merchants
from fraudstream_platform.simulator.messages import Step
from fraudstream_platform.simulator.population import Card, Customer, Population
from fraudstream_platform.simulator.record import NO_IDENTITY, Transaction

_RETRY_SHARE = 0.4
_OTHER_CARD_SHARE = 0.4
_REFUND_SHARE = 0.008
_REVERSAL_SHARE = 0.004
_FUEL_HOLD_CENTS = 10_000
_NORMAL_EXTREME = 2.5  # standard deviations; beyond it an amount is no habit any more


def usual_cents(rng: random.Random, customer: Customer, merchant: Merchant) -> float:
    """What this customer pays at this kind of merchant, euro cents (log-normal)."""
    category = merchant.category
    spread = max(-_NORMAL_EXTREME, min(_NORMAL_EXTREME, rng.gauss(0, 1)))
    return category.median_cents * customer.spend_factor * math.exp(category.sigma * spread)


class Life:
    """One customer's turn at a time; steps with an offset of 0 are sent at once."""

    def __init__(self, population: Population, merchants: Merchants, rng: random.Random) -> None:
        self._people = population
        self._merchants = merchants
        self._rng = rng

    def turn(self, index: int) -> list[Step]:
        """What the customer at `index` does now."""
        rng = self._rng
        customer = self._people.customer(index)
        card = customer.card
        if customer.more_cards and rng.random() < _OTHER_CARD_SHARE:
            card = rng.choice(self._people.cards(customer))
        draw = rng.random()
        if draw < 0.04:
            return [Step(0, self._subscription(customer, card))]
        if draw < 0.05:
            return [Step(0, self._verification(customer, card))]
        if draw < 0.08:
            return [Step(0, self._fuel(customer, card))]
        if draw < 0.12:
            return self._small_things(customer, card)
        if draw < 0.14:
            return [Step(0, self._cash(customer, card))]
        buy = self._online if rng.random() < customer.online_share else self.in_town
        return self._round(lambda: declined_now_and_then(rng, buy(customer, card)))

    def consequences(self, sent: Transaction) -> list[Step]:
        """What follows a transaction that was just sent: advice, retry, refund, reversal."""
        if sent.kind[1] == "PREAUTH":
            return [self._filled_up(sent)]
        if sent.kind[1] != "AUTH":
            return []
        draw = self._rng.random()
        if not sent.approved:
            if draw > _RETRY_SHARE or sent.kind[6] == "MIT":
                return []
            retry = m.answered(m.following(sent, "AUTH", refers=False), m.APPROVED)
            return [Step(self._ms(4, 25), retry)]
        if draw < _REVERSAL_SHARE:
            return [Step(self._ms(2, 30), m.following(sent, "REVERSAL"))]
        if draw < _REVERSAL_SHARE + _REFUND_SHARE:
            share = 1.0 if draw < _REVERSAL_SHARE + _REFUND_SHARE / 2 else 0.5
            return [Step(self._ms(8, 300), m.following(sent, "REFUND", share))]
        return []

    def _round(self, purchase: Callable[[], Transaction]) -> list[Step]:
        """One purchase, or two or three on one round of shopping."""
        draw = self._rng.random()
        count = 1 if draw < 0.4 else 2 if draw < 0.75 else 3
        at, steps = 0, []
        for _ in range(count):
            steps.append(Step(at, purchase()))
            at += self._ms(25, 90)
        return steps

    def in_town(self, customer: Customer, card: Card) -> Transaction:
        """A purchase in a shop of the city where the customer is."""
        rng = self._rng
        merchant = self._merchants.shelf("store", customer.stays_in).pick(rng.random())
        cents = usual_cents(rng, customer, merchant)
        wallet = card.wallet is not None and rng.random() < 0.5
        tap = wallet or (cents < 5_000 and rng.random() < 0.7)
        entry_mode = "contactless" if tap else "magstripe" if rng.random() < 0.01 else "chip"
        return m.in_store(
            customer, card, merchant, cents,
            terminal=int(rng.random() * 16), entry_mode=entry_mode, wallet=wallet,
        )  # fmt: skip

    def _online(self, customer: Customer, card: Card) -> Transaction:
        rng = self._rng
        merchant = self._merchants.shelf("online").pick(rng.random())
        cents = usual_cents(rng, customer, merchant)
        identity = self._people.online(customer)
        if rng.random() < 0.35:
            entry_mode = "wallet" if card.wallet else "credential_on_file"
            return m.remote(
                customer, card, merchant, cents, identity, source="MOBILE", entry_mode=entry_mode
            )
        tds = "Y" if cents > 3_000 and rng.random() < 0.7 else "A" if rng.random() < 0.1 else None
        return m.remote(customer, card, merchant, cents, identity, tds_status=tds)

    def _subscription(self, customer: Customer, card: Card) -> Transaction:
        # A customer keeps to one service, so its price repeats.
        pick = (customer.index * 0.618034) % 1.0
        merchant = self._merchants.shelf("subscription").pick(pick)
        cents = 499 + 500 * (customer.index % 4)
        charge = m.remote(
            customer, card, merchant, cents, NO_IDENTITY,
            entry_mode="credential_on_file", initiator="MIT",
        )  # fmt: skip
        return m.answered(charge, m.NO_FUNDS) if self._rng.random() < 0.04 else charge

    def _verification(self, customer: Customer, card: Card) -> Transaction:
        merchant = self._merchants.shelf("online").pick(self._rng.random())
        identity = self._people.online(customer)
        return m.remote(
            customer, card, merchant, 0, identity, message_type="VERIFY", answer=m.VERIFIED
        )

    def _fuel(self, customer: Customer, card: Card) -> Transaction:
        """A hold at the pump, before anybody knows the amount."""
        merchant = self._merchants.shelf("fuel", customer.stays_in).pick(self._rng.random())
        return m.in_store(
            customer, card, merchant, _FUEL_HOLD_CENTS,
            terminal=int(self._rng.random() * 16), message_type="PREAUTH",
        )  # fmt: skip

    def _filled_up(self, hold: Transaction) -> Step:
        """The advice with the true amount, when the tank is full."""
        return Step(self._ms(30, 240), m.following(hold, "ADVICE", self._rng.uniform(0.2, 0.95)))

    def _small_things(self, customer: Customer, card: Card) -> list[Step]:
        """A ticket, a coffee, a snack: up to three small taps within minutes."""
        merchant = self._merchants.shelf("small", customer.stays_in).pick(self._rng.random())
        steps = []
        at = 0
        for _ in range(int(1 + 3 * self._rng.random() ** 2)):
            cents = usual_cents(self._rng, customer, merchant)
            tap = m.in_store(customer, card, merchant, cents, entry_mode="contactless")
            steps.append(Step(at, tap))
            at += self._ms(5, 120)
        return steps

    def _cash(self, customer: Customer, card: Card) -> Transaction:
        merchant = self._merchants.shelf("atm", customer.stays_in).pick(self._rng.random())
        cents = max(2_000, round(usual_cents(self._rng, customer, merchant), -3))
        withdrawal = m.in_store(
            customer, card, merchant, cents,
            entry_mode="chip", channel="ATM", transaction_type="cash",
        )  # fmt: skip
        return declined_now_and_then(self._rng, withdrawal)

    def _ms(self, low_s: float, high_s: float) -> int:
        return int(1000 * self._rng.uniform(low_s, high_s))
