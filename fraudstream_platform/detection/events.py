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
from fraudstream_platform.detection.hashing import fnv1a

ATTEMPT = 1
"""AUTH, PREAUTH, VERIFY or ADVICE that was answered (no technical failure)."""
CIT = 2
APPROVED = 4
DECLINED = 8
HARD = 16
"""Declined for a card that is not there, blocked or expired, or for its CVV."""
SMALL = 32
"""At most `SMALL_MINOR`."""
VERIFY = 64
REVERSAL = 128
SPEND = 256
"""Approved and moves money: AUTH, PREAUTH, INCREMENT, ADVICE."""
FUNDS = 512
"""Declined for lack of funds or over a limit."""
PRESENT = 1024
STRIPE = 2048
"""Magnetic stripe, fallback included."""
PROBE = 4096
"""Customer-initiated attempt that is VERIFY, small, zero, or declined hard."""
FUEL = 8192
"""Fuel pumps authorise round sums before and correct them after."""

SMALL_MINOR = 300

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
_APPROVED, _TECHNICAL, _MIT = fnv1a("approved"), fnv1a("technical"), fnv1a("MIT")
_HARD_CODES = tuple(fnv1a(word) for word in HARD_CODES)
_FUNDS_CODES = tuple(fnv1a(word) for word in FUNDS_CODES)
_PRESENT_MODES = tuple(fnv1a(word) for word in CARD_PRESENT_MODES)
_STRIPE_MODES = (fnv1a("magstripe"), fnv1a("fallback"))
_WALLET, _POS, _ATM = fnv1a("wallet"), fnv1a("POS"), fnv1a("ATM")
_NO_MATCH = fnv1a("no_match")
_FUEL_MCCS = (fnv1a("5541"), fnv1a("5542"))


@compiled
def _among(value: np.uint64, words: tuple[np.uint64, ...]) -> bool:
    for word in words:  # noqa: SIM110 (numba compiles no generator expression)
        if value == word:
            return True
    return False


@compiled
def _flag_rows(
    words: tuple[NDArray[np.uint64], ...],
    amount: NDArray[np.int64],
    out: NDArray[np.uint16],
) -> None:
    message, outcome, response, initiator, entry, channel, cvv, mcc = words
    for row in range(out.shape[0]):
        flags = 0
        kind = message[row]
        verify = kind == _VERIFY
        money = _among(kind, _MONEY)
        approved = outcome[row] == _APPROVED
        if outcome[row] != _TECHNICAL:
            if kind == _REVERSAL:
                if approved:
                    flags = REVERSAL
            elif money or verify:
                flags = ATTEMPT
                if approved:
                    flags |= APPROVED
                else:
                    flags |= DECLINED
                    if _among(response[row], _HARD_CODES) or cvv[row] == _NO_MATCH:
                        flags |= HARD
                    if _among(response[row], _FUNDS_CODES):
                        flags |= FUNDS
                if amount[row] <= SMALL_MINOR:
                    flags |= SMALL
            if approved and (money or kind == _INCREMENT):
                flags |= SPEND
        if flags:
            if initiator[row] != _MIT:
                flags |= CIT
            if verify:
                flags |= VERIFY
            contactless_phone = entry[row] == _WALLET and (
                channel[row] == _POS or channel[row] == _ATM
            )
            if _among(entry[row], _PRESENT_MODES) or contactless_phone:
                flags |= PRESENT
            if _among(entry[row], _STRIPE_MODES):
                flags |= STRIPE
            if _among(mcc[row], _FUEL_MCCS):
                flags |= FUEL
            if flags & ATTEMPT and flags & CIT and flags & (VERIFY | SMALL | HARD):
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
    """A column as a contiguous array; times as int64 ms, nulls of floats as NaN."""
    values = np.ascontiguousarray(frame.get_column(name).to_numpy())
    return values.view(np.int64) if values.dtype.kind == "M" else values
