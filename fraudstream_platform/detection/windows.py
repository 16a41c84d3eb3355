"""Kernel of counts and sums: one backward pass over the ring evaluates every declared window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.detection import layout as at
from fraudstream_platform.detection.catalogue import (
    CARDS,
    COUNT,
    MAX,
    MERCHANTS,
    MIN,
    RING,
    RISING,
    SUM,
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
def _seen_newer(
    long: NDArray[np.int64], word: NDArray[np.uint32], flag: NDArray[np.uint16],
    spec: NDArray[np.int64], newest: int, until: int, time: int, ring: int, value: int,
) -> bool:  # fmt: skip
    """Does `value` stand in `word`'s ring among newer events that the spec counts?"""
    for age in range(until):
        slot = (newest - age) % RING
        elapsed = time - long[RING_TIME + slot]
        if (
            word[ring + slot] == value
            and 0 <= elapsed < spec[1]
            and flag[slot] & spec[2] == spec[3]
        ):
            return True
    return False


@compiled
def ring_features(
    long: NDArray[np.int64], word: NDArray[np.uint32], flag: NDArray[np.uint16],
    specs: NDArray[np.int64], time: int, amount: int, flags: int, merchant: int, card: int,
    out: NDArray[np.int64],
) -> None:  # fmt: skip
    """Write the ring's aggregates of one entity for an event at `time` (ms)."""
    held = min(long[ABSORBED], RING)
    newest = (long[ABSORBED] - 1) % RING
    for number in range(specs.shape[0]):
        spec = specs[number]
        kind, column = spec[0], spec[5]
        if kind > RISING:
            continue
        value = 0
        current = spec[4] == 1 and flags & spec[2] == spec[3]
        if current:
            if kind == COUNT or kind == MERCHANTS or kind == CARDS or kind == RISING:
                value = 1
            elif kind == MAX or kind == MIN:
                value = amount
        if kind == RISING and not current:
            out[column] = 0
            continue
        lower = amount
        for age in range(held):
            slot = (newest - age) % RING
            elapsed = time - long[RING_TIME + slot]
            if elapsed < 0 or elapsed >= spec[1] or flag[slot] & spec[2] != spec[3]:
                continue
            past = long[RING_AMOUNT + slot]
            if kind == COUNT:
                value += 1
            elif kind == SUM:
                if flag[slot] & SPEND:
                    value += past
                elif flag[slot] & REVERSAL:
                    value -= past
            elif kind == MAX:
                value = max(value, past)
            elif kind == MIN:
                value = past if value == 0 else min(value, past)
            elif kind == RISING:
                if past >= lower:
                    break
                value += 1
                lower = past
            else:
                ring = RING_MERCHANT if kind == MERCHANTS else RING_CARD
                own = merchant if kind == MERCHANTS else card
                other = word[ring + slot]
                if current and other == own:
                    continue
                if not _seen_newer(long, word, flag, spec, newest, age, time, ring, other):
                    value += 1
        out[column] = max(0, value) if kind == SUM else value


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

