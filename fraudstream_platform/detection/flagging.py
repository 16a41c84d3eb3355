"""What a message was, as one word of flags, read from the hashes of its fields."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.compiled import compiled
from fraudstream_platform.contracts.codes import (
    CARD_PRESENT_MODES,
    CASH_LIKE_MCCS,
    FUNDS_CODES,
    HARD_CODES,
)
from fraudstream_platform.detection.flags import (
    APPROVED,
    ATTEMPT,
    CASH,
    CIT,
    COUNTED,
    DECLINED,
    FUEL,
    FUNDS,
    HARD,
    PAYMENT_RETURN,
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

WORDS = (
    "message_type",
    "outcome",
    "response_code",
    "initiator",
    "entry_mode",
    "channel",
    "cvv_result",
    "mcc",
    "transaction_type",
)
"""String columns that the flags are read from."""
_MONEY = tuple(fnv1a(word) for word in ("AUTH", "PREAUTH", "ADVICE"))
_INCREMENT, _VERIFY, _REVERSAL = fnv1a("INCREMENT"), fnv1a("VERIFY"), fnv1a("REVERSAL")
_NOTICES = (_REVERSAL, _INCREMENT)
_RETURN = fnv1a("PAYMENT_RETURN")
_APPROVED, _TECHNICAL, _MIT = fnv1a("approved"), fnv1a("technical"), fnv1a("MIT")
_HARD_CODES = tuple(fnv1a(word) for word in HARD_CODES)
_FUNDS_CODES = tuple(fnv1a(word) for word in FUNDS_CODES)
_PRESENT_MODES = tuple(fnv1a(word) for word in CARD_PRESENT_MODES)
_STRIPE_MODES = (fnv1a("magstripe"), fnv1a("fallback"))
_WALLET, _TERMINALS = fnv1a("wallet"), (fnv1a("POS"), fnv1a("ATM"))
_NO_MATCH = fnv1a("no_match")
_FUEL_MCCS = (fnv1a("5541"), fnv1a("5542"))
_CASH_MCCS = tuple(fnv1a(code) for code in CASH_LIKE_MCCS)
_CASH_TYPES = (fnv1a("cash"), fnv1a("quasi_cash"))


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
    if kind == _RETURN:
        return PAYMENT_RETURN if approved else 0
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
def _entry_flags(entry: np.uint64, channel: np.uint64, mcc: np.uint64, kind: np.uint64) -> int:
    """How and where the card was read, and for what."""
    phone = entry == _WALLET and _among(channel, _TERMINALS)
    flags = PRESENT if phone or _among(entry, _PRESENT_MODES) else 0
    if _among(entry, _STRIPE_MODES):
        flags |= STRIPE
    if _among(kind, _CASH_TYPES) or _among(mcc, _CASH_MCCS):
        flags |= CASH
    return flags | (FUEL if _among(mcc, _FUEL_MCCS) else 0)


@compiled
def flag_rows(
    words: tuple[NDArray[np.uint64], ...], amount: NDArray[np.int64], out: NDArray[np.uint32]
) -> None:
    """Write each row's flags; `words` are the hashes of the columns `WORDS`."""
    message, outcome, response, initiator, entry, channel, cvv, mcc, purpose = words
    for row in range(out.shape[0]):
        flags = _answer_flags(message[row], outcome[row], response[row], cvv[row], amount[row])
        if flags & COUNTED:
            flags |= _entry_flags(entry[row], channel[row], mcc[row], purpose[row])
            if initiator[row] != _MIT:
                flags |= CIT
                if flags & ATTEMPT and flags & (VERIFY | SMALL | HARD):
                    flags |= PROBE
        out[row] = flags
