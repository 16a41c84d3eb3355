"""The rules of a clean transaction and its quality score once more, as plainly as possible.

Written from the contract's documentation; shares nothing with the engine but the names. Code lists
of countries, currencies and merchant categories are checked for their form at most: the simulator
uses no false one.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

Row = dict[str, Any]

_PRESENT = {"chip", "contactless", "magstripe", "fallback"}
_WORDS = {
    "message_type": {"AUTH", "PREAUTH", "INCREMENT", "VERIFY", "ADVICE", "REVERSAL", "REFUND",
                     "PAYMENT", "PAYMENT_RETURN"},
    "source": {"MOBILE", "POS", "ONLINE"},
    "channel": {"POS", "ECOM", "MOBILE", "ATM", "MOTO"},
    "transaction_type": {"purchase", "cash", "quasi_cash"},
    "initiator": {"CIT", "MIT"},
    "product": {"debit", "credit", "prepaid", "commercial"},
    "entry_mode": {*_PRESENT, "manual", "ecom", "wallet", "credential_on_file"},
    "cvv_result": {"match", "no_match", "not_checked"},
    "avs_result": {"match", "partial", "no_match", "not_checked"},
    "tds_status": {"Y", "A", "N", "U", "C", "R"},
    "outcome": {"approved", "declined_issuer", "declined_risk", "declined_data", "technical"},
    "ip_type": {"residential", "mobile", "hosting", "proxy"},
}  # fmt: skip
_FORMS = {
    "transaction_id": r"[A-Za-z0-9._:-]{1,64}",
    "original_id": r"[A-Za-z0-9._:-]{1,64}",
    "bin8": r"[0-9]{8}",
    "response_code": r"[0-9A-Z]{2}",
    "merchant_id": r"[!-~]{1,64}",
    "acquirer_id": r"[!-~]{1,64}",
    "terminal_id": r"[!-~]{1,64}",
}
_RANGES = {
    "utc_offset_min": (-720, 840),
    "amount_minor": (0, 10**12),
    "billing_amount_minor": (0, 10**10),
    "credit_limit_minor": (0, 10**12),
    "latitude": (-90, 90),
    "longitude": (-180, 180),
    "geo_precision_km": (0, 5000),
}
_AMOUNTS = {
    **dict.fromkeys(("EUR", "GBP", "USD"), 10**9),
    **dict.fromkeys(("PLN", "CAD", "BRL", "AED", "SGD", "JPY", "AUD"), 10**10),
    **dict.fromkeys(("SEK", "TRY", "INR"), 10**11),
    **dict.fromkeys(("NGN",), 10**12),
}
"""Ten million dollars' worth, for the simulator's currencies."""
_APPROVALS = {"00", "08", "10", "11", "85"}


def broken_rules(row: Row, oldest_days: int) -> set[str]:
    """Names of the rules that a Bronze row breaks."""
    broken = {f"{name}_known" for name, words in _WORDS.items() if _off(row[name], words)}
    broken |= {
        f"{name}_format"
        for name, form in _FORMS.items()
        if row[name] is not None and not re.fullmatch(form, row[name])
    }
    broken |= {
        f"{name}_range"
        for name, (low, high) in _RANGES.items()
        if row[name] is not None and not low <= row[name] <= high
    }
    age = row["append_time"] - row["event_time"]
    card_present = row["entry_mode"] in _PRESENT
    kept = {
        "mcc_known": re.fullmatch(r"[0-9]{4}", row["mcc"]) is not None,
        "amount_fits_currency": row["amount_minor"] <= _AMOUNTS[row["currency"]],
        "key_agrees": row["key_agrees"],
        "customer_or_card_required": row["customer"] is not None or row["card"] is not None,
        "event_time_too_old": age <= timedelta(days=oldest_days),
        "event_time_in_future": age >= -timedelta(minutes=5),
        "original_id_required": row["message_type"] not in {"REVERSAL", "INCREMENT"}
        or row["original_id"] is not None,
        "terminal_required_card_present": not card_present or row["terminal_id"] is not None,
        "outcome_matches_response_code": (row["response_code"] in _APPROVALS)
        == (row["outcome"] == "approved"),
        "mit_not_card_present": row["initiator"] != "MIT" or not card_present,
        "place_complete": (row["latitude"] is None) == (row["longitude"] is None),
    }
    return broken | {name for name, is_kept in kept.items() if not is_kept}


def blemishes(row: Row) -> dict[str, int]:
    """What a row loses without breaking a rule, in hundredths, by its name."""
    present = row["entry_mode"] in _PRESENT
    remote = not present and row["initiator"] == "CIT"
    wanted = {"customer": 5, "card": 5, "bin8": 3, "product": 2, "sent_at": 2, "utc_offset_min": 2}
    if present:
        wanted |= {"latitude": 5, "geo_precision_km": 2}
    if remote:
        wanted |= {"device": 4, "ip": 4, "ip_country": 2, "email": 2}
    lost = {f"{name}_missing": points for name, points in wanted.items() if row[name] is None}
    if is_late(row):
        lost["arrived_a_day_late"] = 10
    if row["billing_amount_minor"] == 0 < row["amount_minor"]:
        lost["billing_zero_for_amount"] = 15
    changes = [row[f"{what}_changed_at"] for what in ("contact", "credential")]
    changes.append(row["wallet_added_at"])
    if any(change is not None and change > row["event_time"] for change in changes):
        lost["change_after_event"] = 10
    return lost


def is_late(row: Row) -> bool:
    """Whether a row came more than a day after its event."""
    return bool(row["append_time"] - row["event_time"] > timedelta(days=1))


def _off(value: str | None, words: set[str]) -> bool:
    return value is not None and value not in words
