"""Touches: which card was seen at which device, IP network and merchant, and how it went.

A touch is made of one Silver row alone. Probes touch everything they name; other remote attempts
touch merchant and BIN x merchant only, where they are what a share of declines is a share of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.compiled import compiled
from fraudstream_platform.contracts.codes import NO_ACCOUNT_CODES
from fraudstream_platform.contracts.fnv import FNV_PRIME
from fraudstream_platform.detection.events import Events
from fraudstream_platform.detection.flags import ATTEMPT, CIT, DECLINED, PRESENT, PROBE, SMALL
from fraudstream_platform.detection.hashing import fnv1a

KINDS = ("device", "ipnet", "merchant", "bin_merchant")
"""Rows of `Touches.keys`."""
DEVICE, NETWORK, MERCHANT, BIN_MERCHANT = range(4)
TOUCH_HASHED = ("device", "ip_net", "bin8", "response_code")
"""String columns that touches need as hashes, beside those of the events."""

REFUSED, TINY, NO_ACCOUNT = 1, 2, 4
"""Bits of how an attempt went: declined; at most `SMALL_MINOR`; no such card number."""

TOLD_A_MINUTE = 64
"""Touches of one merchant that a task tells in a minute of event time: a busy merchant's shares
are those of the first attempts of each minute, and the traffic stays bounded."""
_COUNTERS = 1 << 14
_MINUTE_MS = 60_000
_ALL, _WITHOUT_MERCHANT = 1, 2
_NO_ACCOUNT_HASHES = tuple(fnv1a(code) for code in NO_ACCOUNT_CODES)
_LOW, _HALF, _ONE = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(1)


@dataclass(frozen=True)
class Touches:
    """Columns of touches in the order of their rows; times in ms, cards and keys as short hashes.

    `keys` has a row a kind (`KINDS`); 0 is what the record does not name.
    """

    partition: NDArray[np.int32]
    offset: NDArray[np.int64]
    time: NDArray[np.int64]
    card: NDArray[np.uint32]
    outcome: NDArray[np.uint8]
    keys: NDArray[np.uint32]

    def __len__(self) -> int:
        return int(self.offset.shape[0])

    def where(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Touches:
        """The chosen touches: those marked, or those of the given places in their order."""
        return Touches(
            self.partition[chosen],
            self.offset[chosen],
            self.time[chosen],
            self.card[chosen],
            self.outcome[chosen],
            np.ascontiguousarray(self.keys[:, chosen]),
        )


def joined(parts: Sequence[Touches]) -> Touches:
    """All touches of `parts`, one after the other; at least one part."""
    return Touches(
        np.concatenate([part.partition for part in parts]),
        np.concatenate([part.offset for part in parts]),
        np.concatenate([part.time for part in parts]),
        np.concatenate([part.card for part in parts]),
        np.concatenate([part.outcome for part in parts]),
        np.ascontiguousarray(np.concatenate([part.keys for part in parts], axis=1)),
    )


NO_TOUCHES = Touches(
    np.zeros(0, np.int32),
    np.zeros(0, np.int64),
    np.zeros(0, np.int64),
    np.zeros(0, np.uint32),
    np.zeros(0, np.uint8),
    np.zeros((len(KINDS), 0), np.uint32),
)


@compiled
def _short(value: np.uint64) -> np.uint64:
    """A 64-bit hash folded to 32 bits; 0 stays what is not there.

    Two of a million entities share a short hash with a chance of 1 in 4,000 each: then their cards
    are counted together.
    """
    folded = (value ^ (value >> _HALF)) & _LOW
    return _ONE if folded == 0 and value != 0 else folded


@compiled
def _is_told(counters: NDArray[np.int64], key: np.uint64, time: int) -> bool:
    """Whether a merchant may be told once more in this minute; counts it.

    A merchant that another one has driven out of its counter counts anew.
    """
    counter = counters[np.int64(key) & (_COUNTERS - 1)]
    minute = time // _MINUTE_MS
    if counter[0] != np.int64(key) or counter[1] != minute:
        counter[0], counter[1], counter[2] = np.int64(key), minute, 0
    counter[2] += 1
    return bool(counter[2] <= TOLD_A_MINUTE)


@compiled
def _outcome(flags: int, response: np.uint64) -> int:
    bits = (REFUSED if flags & DECLINED else 0) | (TINY if flags & SMALL else 0)
    for code in _NO_ACCOUNT_HASHES:
        if flags & DECLINED and response == code:
            bits |= NO_ACCOUNT
    return bits


@compiled
def _see_rows(
    columns: tuple[NDArray[np.uint64], ...], words: NDArray[Any], times: NDArray[np.int64],
    counters: NDArray[np.int64], cards: NDArray[np.uint32], outcomes: NDArray[np.uint8],
    keys: NDArray[np.uint32], told: NDArray[np.uint8],
) -> None:  # fmt: skip
    card, merchant, device, network, bin8, response = columns
    for row in range(words.shape[0]):
        flags: Any = np.int64(words[row])
        if flags & (ATTEMPT | CIT) != (ATTEMPT | CIT) or card[row] == 0:
            continue
        is_probe = flags & PROBE != 0
        if not is_probe and flags & PRESENT:
            continue
        cards[row] = _short(card[row])
        outcomes[row] = _outcome(flags, response[row])
        if is_probe:
            keys[DEVICE, row] = _short(device[row])
            keys[NETWORK, row] = _short(network[row])
        shop = _short(merchant[row])
        keys[MERCHANT, row] = shop
        if bin8[row] != 0:
            keys[BIN_MERCHANT, row] = _short((bin8[row] * FNV_PRIME) ^ merchant[row])
        if _is_told(counters, shop, times[row]):
            told[row] = _ALL
        elif keys[DEVICE, row] != 0 or keys[NETWORK, row] != 0:
            told[row] = _WITHOUT_MERCHANT


class Observer:
    """Makes the touches of rows; remembers only how often each merchant was told of lately."""

    def __init__(self) -> None:
        self._counters = np.zeros((_COUNTERS, 3), np.int64)

    def observe(
        self, events: Events, hashes: Mapping[str, NDArray[np.uint64]]
    ) -> tuple[NDArray[np.uint32], Touches, NDArray[np.int64]]:
        """The keys (`KINDS` x rows) of what each probe names; the touches to tell; their rows."""
        rows = events.flags.shape[0]
        cards, outcomes = np.zeros(rows, np.uint32), np.zeros(rows, np.uint8)
        keys, told = np.zeros((len(KINDS), rows), np.uint32), np.zeros(rows, np.uint8)
        columns = (events.card, events.merchant, *(hashes[name] for name in TOUCH_HASHED))
        _see_rows(columns, events.flags, events.time, self._counters, cards, outcomes, keys, told)
        chosen = np.flatnonzero(told)
        told_keys = keys[:, chosen]
        told_keys[MERCHANT:, told[chosen] == _WITHOUT_MERCHANT] = 0
        touches = Touches(
            events.partition[chosen],
            events.offset[chosen],
            events.time[chosen],
            cards[chosen],
            outcomes[chosen],
            np.ascontiguousarray(told_keys),
        )
        return keys, touches, chosen
