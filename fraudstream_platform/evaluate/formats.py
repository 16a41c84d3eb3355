"""How a record is written: what a model could learn from that alone, it must not."""

from __future__ import annotations

from typing import Any
from zlib import crc32

IDENTIFIERS = (
    "transaction_id", "merchant_id", "acquirer_id", "terminal_id", "customer", "card", "device_pan",
    "email", "phone", "address", "name", "device", "ip", "ip_net",
)  # fmt: skip
_PLACES = (-1, -2, -3, 4, 5)
"""Characters that are looked at; a token's first four are its kind."""
_UNKNOWN = -1.0
WIDTH = 6 + len(IDENTIFIERS) * (1 + len(_PLACES))
"""Numbers in a record's `format_vector`."""
_STRATUM = ("channel", "entry_mode", "message_type", "transaction_type", "initiator")


def _identifier(value: str | None) -> list[float]:
    """Length and some characters; all -1 where there is none."""
    if not value:
        return [_UNKNOWN] * (1 + len(_PLACES))
    length = len(value)
    codes = [float(ord(value[at])) if -length <= at < length else _UNKNOWN for at in _PLACES]
    return [float(length), *codes]


def format_vector(record: dict[str, Any]) -> list[float]:
    """Identifiers and formatting of a record: lengths, characters, presence, last digits."""
    at = record["event_time"]
    vector = [
        float(at % 1000),
        float(at // 1000 % 60),
        float(record["amount_minor"] % 10),
        float(record["billing_amount_minor"] % 10),
        _UNKNOWN if record["utc_offset_min"] is None else 1.0,
        _UNKNOWN if record["account_opened"] is None else float(record["account_opened"] % 7),
    ]
    for name in IDENTIFIERS:
        vector += _identifier(record[name])
    return vector


def stratum(record: dict[str, Any]) -> int:
    """Number of a record's kind of message: how it was paid is a signal, not a format.

    So is a card that belongs to nobody, and a wallet's number of its own.
    """
    kind = [str(record[name]) for name in _STRATUM]
    kind += [str(record[name] is None) for name in ("customer", "device_pan")]
    return crc32("|".join(kind).encode())
