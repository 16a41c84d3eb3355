"""Counts of an entity's newest touches, found by walking its chain back.

Rows carry their append time and counts leave out what is newer than asked for, so that a record
gets the same counts however far the topic has been read by then.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.compiled import compiled
from fraudstream_platform.detection.exchange_measures import MOST_LOOKED_AT
from fraudstream_platform.detection.exchange_rows import (
    APPENDED,
    BACKS,
    BUCKETS,
    CARD,
    CHAINS,
    COUNTABLE,
    HAPPENED,
    KEYS,
    LATE_MS,
    OUTCOME,
    SHORT_MS,
)
from fraudstream_platform.detection.exchange_touches import NO_ACCOUNT, REFUSED, TINY
from fraudstream_platform.detection.table import Arrays

# What a count finds.
CARDS_SHORT, CARDS_LONG, REFUSED_CARDS_LONG, SEEN, SEEN_REFUSED, SEEN_TINY, SEEN_NO_ACCOUNT = range(
    7
)
FOUND = 7
_SLOTS = 2 * MOST_LOOKED_AT
_IN_SHORT, _IN_LONG, _WAS_REFUSED = 1, 2, 4


def new_scratch() -> Arrays:
    """Room for one count: cards, what is known of each, and what was found."""
    return (
        np.zeros(_SLOTS, np.uint32),
        np.zeros(_SLOTS, np.uint8),
        np.zeros(FOUND, np.int64),
    )


@compiled
def first_after(rows: NDArray[np.int64], count: int, bound: int) -> int:
    """Number of the first of `count` rows that was appended after `bound`."""
    low: Any = max(0, count - rows.shape[0])
    high = count
    while low < high:
        middle = (low + high) // 2
        if rows[middle & (rows.shape[0] - 1), APPENDED] <= bound:
            low = middle + 1
        else:
            high = middle
    return low  # type: ignore[no-any-return]


@compiled
def _slot_of(cards: NDArray[np.uint32], card: int) -> int:
    slot: Any = card & (_SLOTS - 1)
    while cards[slot] != 0 and cards[slot] != card:
        slot = (slot + 1) & (_SLOTS - 1)
    return slot  # type: ignore[no-any-return]


@compiled
def _count(
    log: Arrays, chain: int, key: int, end: int, time: int, oldest: int, long_ms: int,
    scratch: Arrays,
) -> None:  # fmt: skip
    """Count the touches of `key` among rows before `end`, appended at `oldest` or later."""
    rows, heads, _ = log
    cards, marks, found = scratch
    cards[:], marks[:], found[:] = 0, 0, 0
    if key == 0:
        return
    first = max(0, end - COUNTABLE, log[2][0] - rows.shape[0])
    number = heads[chain, key & (BUCKETS - 1)] - 1
    looked = 0
    while number >= first and looked < MOST_LOOKED_AT:
        row = rows[number & (rows.shape[0] - 1)]
        words = row.view(np.uint32)
        if row[APPENDED] < oldest:
            return
        if number < end and words[KEYS + chain] == key:
            looked += 1
            age = time - row[HAPPENED]
            if 0 <= age < long_ms:
                outcome = np.int64(words[OUTCOME])
                mark = _IN_LONG | (_IN_SHORT if age < SHORT_MS else 0)
                mark |= _WAS_REFUSED if outcome & REFUSED else 0
                card: Any = np.int64(words[CARD])
                slot = _slot_of(cards, card)
                new = mark & ~np.int64(marks[slot])
                cards[slot] = words[CARD]
                marks[slot] |= np.uint8(mark)
                found[CARDS_SHORT] += new & _IN_SHORT
                found[CARDS_LONG] += (new & _IN_LONG) // _IN_LONG
                found[REFUSED_CARDS_LONG] += (new & _WAS_REFUSED) // _WAS_REFUSED
                if age < SHORT_MS:
                    found[SEEN] += 1
                    found[SEEN_REFUSED] += 1 if outcome & REFUSED else 0
                    found[SEEN_TINY] += 1 if outcome & TINY else 0
                    found[SEEN_NO_ACCOUNT] += 1 if outcome & NO_ACCOUNT else 0
        back = np.int64(words[BACKS + chain])
        if back == 0:
            return
        number -= back


@compiled
def look_up_rows(
    log: Arrays, asking: NDArray[np.int64], bounds: NDArray[np.int64], times: NDArray[np.int64],
    keys: NDArray[np.uint32], specs: NDArray[np.int64], long_ms: int, scratch: Arrays,
    integers: NDArray[np.int64], reals: NDArray[np.float64],
) -> None:  # fmt: skip
    """Fill the columns of `specs` ([chain, what, column, is a share]) in the rows `asking`."""
    found = scratch[2]
    for row in asking:
        end = first_after(log[0], log[2][0], bounds[row])
        oldest = bounds[row] - long_ms - LATE_MS
        for chain in range(CHAINS):
            key: Any = np.int64(keys[chain, row])
            _count(log, chain, key, end, times[row], oldest, long_ms, scratch)
            for number in range(specs.shape[0]):
                spec = specs[number]
                if spec[0] != chain:
                    continue
                if spec[3] == 0:
                    integers[row, spec[2]] = found[spec[1]]
                elif found[SEEN] > 0:
                    reals[row, spec[2]] = found[spec[1]] / found[SEEN]
