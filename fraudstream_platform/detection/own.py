"""Features of the event itself, which need no history."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.compiled import compiled
from fraudstream_platform.contracts.codes import AMOUNT_LIMITS_MINOR, RESALE_MCCS
from fraudstream_platform.detection.flags import CASH
from fraudstream_platform.detection.formulas import DAY_MS
from fraudstream_platform.detection.hashing import fnv1a
from fraudstream_platform.detection.measures import EVENT_SCALARS
from fraudstream_platform.detection.recent import HOUR_MS

(
    ROUND_AMOUNT, BELOW_LIMIT_SHARE, IP_ABROAD, ACCOUNT_AGE_D, SINCE_CONTACT_H,
    SINCE_CREDENTIAL_H, SINCE_WALLET_H, RESALE_MCC, CASH_LIKE,
) = range(len(EVENT_SCALARS))  # fmt: skip
LIMITS = AMOUNT_LIMITS_MINOR
ROUND_MINOR = 1_000
MISSING = np.iinfo(np.int64).min
"""A time that is not known."""
_RESALE = tuple(fnv1a(code) for code in RESALE_MCCS)


@compiled
def _since(time: int, then: int, unit_ms: int) -> float:
    return math.nan if then == MISSING or then > time else (time - then) / unit_ms


@compiled
def _below_limit(amount: int) -> float:
    for limit in LIMITS:
        if amount < limit:
            return (limit - amount) / limit
    return math.nan


@compiled
def own_features(
    time: int, billed: int, amount: int, flags: int, mcc: np.uint64, country: np.uint64,
    ip_country: np.uint64, dates: tuple[int, int, int, int], scalars: NDArray[np.int64],
    reals: NDArray[Any],
) -> None:  # fmt: skip
    """Write them; `dates`: account opened, contact, credentials changed, wallet added, in ms."""
    opened, contact, credential, wallet = dates
    reals[scalars[ROUND_AMOUNT]] = 1.0 if amount > 0 and amount % ROUND_MINOR == 0 else 0.0
    reals[scalars[BELOW_LIMIT_SHARE]] = _below_limit(billed)
    if ip_country != 0:
        reals[scalars[IP_ABROAD]] = 1.0 if ip_country != country else 0.0
    reals[scalars[ACCOUNT_AGE_D]] = _since(time, opened, DAY_MS)
    reals[scalars[SINCE_CONTACT_H]] = _since(time, contact, HOUR_MS)
    reals[scalars[SINCE_CREDENTIAL_H]] = _since(time, credential, HOUR_MS)
    reals[scalars[SINCE_WALLET_H]] = _since(time, wallet, HOUR_MS)
    resale = 0.0
    for code in _RESALE:
        if mcc == code:
            resale = 1.0
    reals[scalars[RESALE_MCC]] = resale
    reals[scalars[CASH_LIKE]] = 1.0 if flags & CASH else 0.0
