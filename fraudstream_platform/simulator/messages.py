"""Building blocks of simulated messages: the runs of fields that behaviour and attacks share."""

from __future__ import annotations

from typing import NamedTuple

from fraudstream_platform.simulator.merchants import Merchant
from fraudstream_platform.simulator.places import MINOR_PER_EURO_CENT, City, minor
from fraudstream_platform.simulator.population import Card, Customer
from fraudstream_platform.simulator.record import NO_IDENTITY, UNSENT, Transaction, Values

_ROUNDING = 5
_NOT_TOLD: Values = (None,)
_BANK: Values = ("BANK", None, "AQ00", None, "6012")
"""The issuer as the acceptor of payments: merchant_id, group, acquirer, terminal, MCC."""


class Answer(NamedTuple):
    """The issuer's answer: DE39, our outcome, and the CVV result where it was the cause."""

    response_code: str
    outcome: str
    cvv_result: str | None = None


APPROVED = Answer("00", "approved")
VERIFIED = Answer("85", "approved", "match")
NO_FUNDS = Answer("51", "declined_issuer")
OVER_LIMIT = Answer("61", "declined_issuer")
WRONG_PIN = Answer("55", "declined_data")
WRONG_CVV = Answer("N7", "declined_data", "no_match")
NO_SUCH_CARD = Answer("14", "declined_data")
EXPIRED = Answer("54", "declined_data")
REFUSED = Answer("05", "declined_issuer")
SUSPECTED = Answer("59", "declined_risk")
UNREACHABLE = Answer("91", "technical")


class Step(NamedTuple):
    """A planned message: milliseconds from now, and everything but its id and times."""

    offset_ms: int
    transaction: Transaction
    fraudulent: bool = False


def kind(
    city: City,
    source: str,
    channel: str,
    message_type: str = "AUTH",
    transaction_type: str = "purchase",
    initiator: str = "CIT",
    original_id: str | None = None,
) -> Values:
    """The `kind` run of a message at a merchant in `city`."""
    return (
        city.utc_offset_min, message_type, original_id, source, channel,
        transaction_type, initiator,
    )  # fmt: skip


def money(cents: float, merchant: Merchant, customer: Customer) -> Values:
    """Amount in the merchant's currency and in the customer's billing currency."""
    paid_in, billed_in = merchant.city.currency, customer.home.currency
    amount = minor(cents, paid_in)
    if paid_in == billed_in:
        return (amount, paid_in, amount)
    return (amount, paid_in, minor(amount / MINOR_PER_EURO_CENT[paid_in], billed_in))


def in_store(
    customer: Customer,
    card: Card,
    merchant: Merchant,
    cents: float,
    *,
    terminal: int = 0,
    entry_mode: str = "chip",
    answer: Answer = APPROVED,
    wallet: bool = False,
    channel: str = "POS",
    message_type: str = "AUTH",
    transaction_type: str = "purchase",
) -> Transaction:
    """A card-present message; a phone's tap carries the wallet's device account number."""
    account = card.wallet if wallet and card.wallet else card.plastic
    paid = money(cents, merchant, customer)
    return Transaction(
        UNSENT,
        kind(merchant.city, "POS", channel, message_type, transaction_type),
        paid,
        account,
        _left(card, paid),
        merchant.runs[terminal % len(merchant.runs)],
        (entry_mode, None, None, None, answer.response_code, answer.outcome),
        NO_IDENTITY,
    )


def remote(
    customer: Customer,
    card: Card,
    merchant: Merchant,
    cents: float,
    identity: Values,
    *,
    source: str = "ONLINE",
    entry_mode: str = "ecom",
    answer: Answer = APPROVED,
    tds_status: str | None = None,
    message_type: str = "AUTH",
    initiator: str = "CIT",
) -> Transaction:
    """A card-not-present message from `identity` (the nine identity fields of the contract)."""
    account = card.wallet if entry_mode == "wallet" and card.wallet else card.plastic
    paid = money(cents, merchant, customer) if cents else (0, merchant.city.currency, 0)
    typed = entry_mode == "ecom"
    cvv = answer.cvv_result or ("match" if typed else "not_checked")
    auth = (
        entry_mode, cvv, "match" if typed and identity[2] else "not_checked", tds_status,
        answer.response_code, answer.outcome,
    )  # fmt: skip
    return Transaction(
        UNSENT,
        kind(
            merchant.city, source, "MOBILE" if source == "MOBILE" else "ECOM", message_type,
            initiator=initiator,
        ),
        paid,
        account,
        _left(card, paid),
        merchant.runs[0],
        auth,
        identity,
    )  # fmt: skip


def payment(customer: Customer, card: Card, billed_minor: int) -> Transaction:
    """Money that pays a credit card's bill, minor units of the billing currency."""
    home = customer.home
    return Transaction(
        UNSENT,
        kind(home, "ONLINE", "ECOM", "PAYMENT", initiator="MIT"),
        (billed_minor, home.currency, billed_minor),
        card.plastic,
        _NOT_TOLD,
        (*_BANK, home.country, None, None, None),
        ("credential_on_file", None, None, None, APPROVED.response_code, APPROVED.outcome),
        NO_IDENTITY,
    )


def following(
    original: Transaction, message_type: str, share: float = 1.0, refers: bool = True
) -> Transaction:
    """A later message about `original`: a reversal, refund, completion or retry."""
    amount, currency, billed = original.money
    scaled = (max(1, round(amount * share)), currency, max(1, round(billed * share)))
    head = original.transaction_id if refers else None
    offset, _, _, *rest = original.kind
    return original._replace(head=UNSENT, kind=(offset, message_type, head, *rest), money=scaled)


def answered(original: Transaction, answer: Answer) -> Transaction:
    """`original` with another answer of the issuer."""
    mode, cvv, avs, tds, _, _ = original.auth
    auth = (mode, answer.cvv_result or cvv, avs, tds, answer.response_code, answer.outcome)
    return original._replace(auth=auth)


def _left(card: Card, paid: Values) -> Values:
    """What is left to spend, coarse and only where the issuer tells it (credit cards)."""
    if card.plastic[6] is None:
        return _NOT_TOLD
    share = 0.9 - (paid[2] % 97) / 160
    return (int(card.limit_minor * share) // _ROUNDING * _ROUNDING,)
