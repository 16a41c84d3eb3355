"""What each credit card owes, so that open-to-buy follows spending, refunds and payments."""

from __future__ import annotations

import random
from dataclasses import dataclass

from fraudstream_platform.simulator import messages as m
from fraudstream_platform.simulator.places import minor
from fraudstream_platform.simulator.population import Card, Customer
from fraudstream_platform.simulator.record import Transaction

_SPENT_AN_OUTING_CENTS = 6_500
"""What a customer with a spend factor of 1 leaves at the shops of one outing, about."""
_MONTH_DAYS = 30
_RAISES = frozenset({"AUTH", "ADVICE", "PAYMENT_RETURN"})
_LOWERS = frozenset({"REFUND", "REVERSAL", "PAYMENT"})


@dataclass(slots=True)
class Account:
    """A credit card's account, minor units of the billing currency."""

    limit: int
    owed: int
    pays_share: float
    """Of what is owed, once a month: 1 for most, less for those who carry a balance."""


class Ledger:
    """Accounts by card token; cards without credit have none."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._accounts: dict[str, Account] = {}

    def open(self, card: Card, customer: Customer, outings_a_day: float) -> Card:
        """The card with a limit that fits what its holder spends; credit cards get an account."""
        if card.plastic[6] is None:
            return card
        rng = self._rng
        monthly_cents = _SPENT_AN_OUTING_CENTS * _MONTH_DAYS * outings_a_day * customer.spend_factor
        monthly = minor(monthly_cents, customer.home.currency)
        limit = round(int(max(card.limit_minor, monthly * rng.uniform(2.0, 5.0))), -4)
        carries = rng.random() < 0.3
        owed = int(limit * rng.uniform(0.05, 0.55 if carries else 0.2))
        self._accounts[str(card.plastic[1])] = Account(
            limit, owed, rng.uniform(0.15, 0.6) if carries else 1.0
        )
        return with_limit(card, limit)

    def raise_limit(self, card: Card, factor: float) -> Card:
        """The card after the bank has raised its limit."""
        account = self._accounts[str(card.plastic[1])]
        account.limit = round(int(account.limit * factor), -4)
        return with_limit(card, account.limit)

    def account(self, card: str) -> Account | None:
        """The account behind a card token, where the card is a credit card."""
        return self._accounts.get(card)

    def settled(self, transaction: Transaction) -> Transaction:
        """The transaction with what was left before it; refused where that is not enough."""
        account = self._accounts.get(transaction.account[1])
        if account is None:
            return transaction
        left = account.limit - account.owed
        transaction = transaction._replace(left=(max(0, left),))
        message, billed = transaction.kind[1], transaction.money[2]
        if message in ("AUTH", "PREAUTH") and transaction.approved and billed > left:
            return m.answered(transaction, m.NO_FUNDS)
        if transaction.approved:
            if message in _RAISES:
                account.owed += billed
            elif message in _LOWERS:
                account.owed -= billed
        return transaction


def with_limit(card: Card, limit: int) -> Card:
    """A credit card whose account fields show `limit`."""
    wallet = None if card.wallet is None else (*card.wallet[:6], limit)
    return Card((*card.plastic[:6], limit), wallet, limit)
