"""What the kernels see of a transaction: numbers, hashes, and one word of flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fraudstream_platform.contracts.codes import CARD_PRESENT_MODES, FUNDS_CODES, HARD_CODES
from fraudstream_platform.detection.compiled import compiled
from fraudstream_platform.detection.flags import (
    APPROVED,
    ATTEMPT,
    CIT,
    DECLINED,
    FUEL,
    FUNDS,
    HARD,
    PRESENT,
    PROBE,
    REVERSAL,
    SMALL,
    SMALL_MINOR,
    SPEND,
    STRIPE,
    VERIFY,
)
from fraudstream_platform.detection.hashing import fnv1a

_WORDS = (
    "message_type",
    "outcome",
    "response_code",
    "initiator",
    "entry_mode",
    "channel",
    "cvv_result",
    "mcc",
)
HASHED = ("transaction_id", "customer", "card", "device_pan", "merchant_id", *_WORDS)
"""String columns that the step needs as hashes."""
_MONEY = tuple(fnv1a(word) for word in ("AUTH", "PREAUTH", "ADVICE"))
_INCREMENT, _VERIFY, _REVERSAL = fnv1a("INCREMENT"), fnv1a("VERIFY"), fnv1a("REVERSAL")
_NOTICES = (_REVERSAL, _INCREMENT)
_APPROVED, _TECHNICAL, _MIT = fnv1a("approved"), fnv1a("technical"), fnv1a("MIT")
_HARD_CODES = tuple(fnv1a(word) for word in HARD_CODES)
_FUNDS_CODES = tuple(fnv1a(word) for word in FUNDS_CODES)
_PRESENT_MODES = tuple(fnv1a(word) for word in CARD_PRESENT_MODES)
_STRIPE_MODES = (fnv1a("magstripe"), fnv1a("fallback"))
_WALLET, _TERMINALS = fnv1a("wallet"), (fnv1a("POS"), fnv1a("ATM"))
_NO_MATCH = fnv1a("no_match")
_FUEL_MCCS = (fnv1a("5541"), fnv1a("5542"))


@compiled
def _among(value: np.uint64, words: tuple[np.uint64, ...]) -> bool:
    for word in words:  # noqa: SIM110 (numba compiles no generator expression)
        if value == word:
            return True
    return False


@compiled
def _answer_flags(
    kind: np.uint64, outcome: np.uint64, response: np.uint64, cvv: np.uint64, amount: int
) -> int:  # fmt: skip
    """What the message asked and how it was answered; 0 for what no window counts."""
    approved = outcome == _APPROVED
    if _among(kind, _NOTICES):
        if not approved:
            return 0
        return REVERSAL if kind == _REVERSAL else SPEND
    verify = kind == _VERIFY
    if outcome == _TECHNICAL or not (verify or _among(kind, _MONEY)):
        return 0
    flags = ATTEMPT | (VERIFY if verify else 0) | (SMALL if amount <= SMALL_MINOR else 0)
    if approved:
        return flags | APPROVED | (0 if verify else SPEND)
    flags |= DECLINED | (FUNDS if _among(response, _FUNDS_CODES) else 0)
    if _among(response, _HARD_CODES) or cvv == _NO_MATCH:
        flags |= HARD
    return flags


@compiled
def _entry_flags(entry: np.uint64, channel: np.uint64, mcc: np.uint64) -> int:
    """How and where the card was read."""
    phone = entry == _WALLET and _among(channel, _TERMINALS)
    flags = PRESENT if phone or _among(entry, _PRESENT_MODES) else 0
    if _among(entry, _STRIPE_MODES):
        flags |= STRIPE
    return flags | (FUEL if _among(mcc, _FUEL_MCCS) else 0)


@compiled
def _flag_rows(
    words: tuple[NDArray[np.uint64], ...],
    amount: NDArray[np.int64],
    out: NDArray[np.uint16],
) -> None:
    message, outcome, response, initiator, entry, channel, cvv, mcc = words
    for row in range(out.shape[0]):
        flags = _answer_flags(message[row], outcome[row], response[row], cvv[row], amount[row])
        if flags:
            flags |= _entry_flags(entry[row], channel[row], mcc[row])
            if initiator[row] != _MIT:
                flags |= CIT
                if flags & ATTEMPT and flags & (VERIFY | SMALL | HARD):
                    flags |= PROBE
        out[row] = flags


@dataclass(frozen=True)
class Events:
    """Columns of Silver rows as numpy arrays; times in ms, money in minor units, places in degrees.

    `flags` is 0 for messages that no window counts (payments, refunds, technical failures).
    """

    partition: NDArray[np.int32]
    offset: NDArray[np.int64]
    time: NDArray[np.int64]
    amount: NDArray[np.int64]
    flags: NDArray[np.uint16]
    card: NDArray[np.uint64]
    customer: NDArray[np.uint64]
    instrument: NDArray[np.uint64]
    merchant: NDArray[np.uint64]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    precision: NDArray[np.float64]


def read_events(silver: pl.DataFrame, hashes: Mapping[str, NDArray[np.uint64]]) -> Events:
    """Read the kernels' columns of Silver rows; `hashes` are those of the columns `HASHED`."""
    amount = _numbers(silver, "billing_amount_minor")
    flags = np.zeros(silver.height, np.uint16)
    _flag_rows(tuple(hashes[name] for name in _WORDS), amount, flags)
    card, wallet = hashes["card"], hashes["device_pan"]
    return Events(
        partition=_numbers(silver, "partition"),
        offset=_numbers(silver, "offset"),
        time=_numbers(silver, "event_time"),
        amount=amount,
        flags=flags,
        card=card,
        customer=hashes["customer"],
        instrument=np.where(wallet != 0, wallet, card),
        merchant=hashes["merchant_id"],
        latitude=_numbers(silver, "latitude"),
        longitude=_numbers(silver, "longitude"),
        precision=_numbers(silver, "geo_precision_km"),
    )


def _numbers(frame: pl.DataFrame, name: str) -> NDArray[Any]:
    """A column as a contiguous array; times as int64 ms, nulls of floats as NaN.

    Writable always: polars lends its own read-only memory where a column has no null, and to a
    kernel that is another type, compiled anew for seconds in the middle of the stream.
    """
    values = np.ascontiguousarray(frame.get_column(name).to_numpy(writable=True))
    return values.view(np.int64) if values.dtype.kind == "M" else values
