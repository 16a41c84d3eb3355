"""What stands in for fields that the contract demands and files rarely have.

`docs/replay.md` lists these rules. They are applied only where the row gives nothing itself.
"""

from __future__ import annotations

from typing import Any

from fraudstream_platform.contracts.codes import APPROVAL_CODES, CARD_PRESENT_MODES

_MODE_OF_CHANNEL = {
    "POS": "chip",
    "ATM": "chip",
    "MOBILE": "wallet",
    "ECOM": "ecom",
    "MOTO": "manual",
}
_CHANNEL_OF_SOURCE = {"POS": "POS", "MOBILE": "MOBILE", "ONLINE": "ECOM"}
_SOURCE_OF_CHANNEL = {
    "POS": "POS",
    "ATM": "POS",
    "MOBILE": "MOBILE",
    "ECOM": "ONLINE",
    "MOTO": "ONLINE",
}
_CODE_OF_OUTCOME = {
    "approved": "00",
    "declined_issuer": "05",
    "declined_risk": "59",
    "declined_data": "14",
    "technical": "91",
}
_RISK_CODES = frozenset(("34", "59", "63"))
_DATA_CODES = frozenset(("14", "54", "55", "82", "N7"))
_TECHNICAL_CODES = frozenset(("06", "68", "91", "92", "96"))
UNKNOWN_ACQUIRER = "unknown"
_BIN_DIGITS = 8
_LEAST_CARD_DIGITS = 15
"""A shorter number would be almost given away by its first eight digits."""


def fill(record: dict[str, Any]) -> None:
    """Fill in what `record` lacks, in place."""
    _fill_way(record)
    _fill_answer(record)
    if record["message_type"] is None:
        record["message_type"] = "AUTH"
    if record["transaction_type"] is None:
        record["transaction_type"] = "cash" if record["channel"] == "ATM" else "purchase"
    if record["initiator"] is None:
        record["initiator"] = "CIT"
    if record["acquirer_id"] is None:
        record["acquirer_id"] = UNKNOWN_ACQUIRER
    if record["billing_amount_minor"] is None:
        record["billing_amount_minor"] = record["amount_minor"]
    if record["terminal_id"] is None and record["entry_mode"] in CARD_PRESENT_MODES:
        record["terminal_id"] = record["merchant_id"]


def _fill_way(record: dict[str, Any]) -> None:
    """Entry mode, channel and source follow from each other."""
    if record["channel"] is None:
        record["channel"] = _CHANNEL_OF_SOURCE.get(record["source"]) or _channel(
            record["entry_mode"]
        )
    if record["entry_mode"] is None:
        record["entry_mode"] = _MODE_OF_CHANNEL.get(record["channel"])
    if record["source"] is None:
        record["source"] = _SOURCE_OF_CHANNEL.get(record["channel"])


def _channel(entry_mode: str | None) -> str | None:
    if entry_mode is None:
        return None
    if entry_mode in CARD_PRESENT_MODES:
        return "POS"
    return "MOBILE" if entry_mode == "wallet" else "ECOM"


def _fill_answer(record: dict[str, Any]) -> None:
    """Response code and outcome follow from each other; neither means approved."""
    code, outcome = record["response_code"], record["outcome"]
    if code is None:
        record["response_code"] = _CODE_OF_OUTCOME.get(outcome or "approved")
    if outcome is None:
        record["outcome"] = _outcome(record["response_code"])


def _outcome(code: str) -> str:
    if code in APPROVAL_CODES:
        return "approved"
    if code in _RISK_CODES:
        return "declined_risk"
    if code in _DATA_CODES:
        return "declined_data"
    return "technical" if code in _TECHNICAL_CODES else "declined_issuer"


def bin_of(card: str) -> str | None:
    """First eight digits of a normalised card number."""
    return card[:_BIN_DIGITS] if len(card) >= _LEAST_CARD_DIGITS else None
