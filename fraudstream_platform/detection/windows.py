"""Kernel of counts and sums: evaluates every declared window over an entity's ring and tiles."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.detection import layout as at
from fraudstream_platform.detection.catalogue import (
    AMOUNTS,
    CARDS,
    COUNT,
    MAX,
    MERCHANTS,
    MIN,
    RING,
    RISING,
    TILE_COUNT,
    TILE_DECLINED,
    TILE_MAX,
    TILE_SUM,
    TILES,
)
from fraudstream_platform.detection.compiled import compiled
from fraudstream_platform.detection.events import REVERSAL, SPEND

HOUR_MS = 3_600_000
RING_TIME, RING_AMOUNT, ABSORBED = at.RING_TIME, at.RING_AMOUNT, at.ABSORBED
RING_MERCHANT, RING_CARD = at.RING_MERCHANT, at.RING_CARD
TILE_HOUR, TILE_N, TILE_N_DECLINED = at.TILE_HOUR, at.TILE_N, at.TILE_N_DECLINED
TILE_SUM_AT, TILE_MAX_AT = at.TILE_SUM_AT, at.TILE_MAX_AT


@compiled
def _counts(
    long: NDArray[np.int64], flag: NDArray[np.uint16], spec: NDArray[np.int64], slot: int, time: int
) -> bool:  # fmt: skip
    """Whether the spec counts the event in `slot`."""
    elapsed = time - long[RING_TIME + slot]
    return bool(0 <= elapsed < spec[1] and flag[slot] & spec[2] == spec[3])


@compiled
def _distinct_of(
    long: NDArray[np.int64], word: NDArray[np.uint32], kind: int, slot: int
) -> Any:  # fmt: skip
    """What a distinct count compares: the event's merchant, card or amount."""
    if kind == AMOUNTS:
        return long[RING_AMOUNT + slot]
    return np.int64(word[(RING_MERCHANT if kind == MERCHANTS else RING_CARD) + slot])


@compiled
def _distinct(
    long: NDArray[np.int64], word: NDArray[np.uint32], flag: NDArray[np.uint16],
    spec: NDArray[np.int64], time: int, own: int, current: bool,
) -> int:  # fmt: skip
    """Different values among the counted events, `own` being the current event's."""
    held, newest = min(long[ABSORBED], RING), (long[ABSORBED] - 1) % RING
    found = 1 if current else 0
    for age in range(held):
        slot = (newest - age) % RING
        if not _counts(long, flag, spec, slot, time):
            continue
        value = _distinct_of(long, word, spec[0], slot)
        known = current and value == own
        for newer in range(age):
            other = (newest - newer) % RING
            if known:
                break
            if _distinct_of(long, word, spec[0], other) == value:
                known = _counts(long, flag, spec, other, time)
        if not known:
            found += 1
    return found


@compiled
def _rising_run(
    long: NDArray[np.int64], flag: NDArray[np.uint16], spec: NDArray[np.int64], time: int,
    amount: int,
) -> int:  # fmt: skip
    """Length of the run of rising amounts that ends in the current event."""
    held, newest = min(long[ABSORBED], RING), (long[ABSORBED] - 1) % RING
    length, lower = 1, amount
    for age in range(held):
        slot = (newest - age) % RING
        if _counts(long, flag, spec, slot, time):
            past = long[RING_AMOUNT + slot]
            if past >= lower:
                break
            length, lower = length + 1, past
    return length


@compiled
def _plain(
    long: NDArray[np.int64], flag: NDArray[np.uint16], spec: NDArray[np.int64], time: int,
    amount: int, current: bool,
) -> int:  # fmt: skip
    """Count, sum, highest or lowest amount of the counted events."""
    kind, value = spec[0], 0
    if current:
        value = 1 if kind == COUNT else amount
    for slot in range(min(long[ABSORBED], RING)):
        if not _counts(long, flag, spec, slot, time):
            continue
        past = long[RING_AMOUNT + slot]
        if kind == COUNT:
            value += 1
        elif kind == MAX:
            value = max(value, past)
        elif kind == MIN:
            value = past if value == 0 else min(value, past)
        elif flag[slot] & SPEND:
            value += past
        elif flag[slot] & REVERSAL:
            value -= past
    return max(0, value)


@compiled
def ring_features(
    long: NDArray[np.int64], word: NDArray[np.uint32], flag: NDArray[np.uint16],
    specs: NDArray[np.int64], time: int, amount: int, flags: int, merchant: int, card: int,
    out: NDArray[np.int64],
) -> None:  # fmt: skip
    """Write the ring's aggregates of one entity for an event at `time` (ms)."""
    for number in range(specs.shape[0]):
        spec = specs[number]
        kind, column = spec[0], spec[5]
        current = spec[4] == 1 and flags & spec[2] == spec[3]
        if kind <= MIN:
            out[column] = _plain(long, flag, spec, time, amount, current)
        elif kind == RISING:
            out[column] = _rising_run(long, flag, spec, time, amount) if current else 0
        elif kind < RISING:
            own = merchant if kind == MERCHANTS else card if kind == CARDS else amount
            out[column] = _distinct(long, word, flag, spec, time, own, current)


@compiled
def tile_features(
    long: NDArray[np.int64], word: NDArray[np.uint32], specs: NDArray[np.int64], time: int,
    out: NDArray[np.int64],
) -> int:  # fmt: skip
    """Write the 24 h aggregates (the event's hour and the 23 before it); returns the count."""
    hour = time // HOUR_MS
    count, declined, total, highest = 0, 0, 0, 0
    for tile in range(TILES):
        age = hour - np.int64(word[TILE_HOUR + tile])
        if 0 <= age < TILES:
            count += word[TILE_N + tile]
            declined += word[TILE_N_DECLINED + tile]
            total += long[TILE_SUM_AT + tile]
            highest = max(highest, long[TILE_MAX_AT + tile])
    for number in range(specs.shape[0]):
        kind, column = specs[number, 0], specs[number, 5]
        if kind == TILE_COUNT:
            out[column] = count
        elif kind == TILE_DECLINED:
            out[column] = declined
        elif kind == TILE_SUM:
            out[column] = max(0, total)
        elif kind == TILE_MAX:
            out[column] = highest
    return count
