"""Kernel of counts and sums: evaluates every declared window over recent events and tiles."""

from __future__ import annotations

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
    RISING,
    TILE_COUNT,
    TILE_DECLINED,
    TILE_MAX,
    TILE_SUM,
    TILES,
)
from fraudstream_platform.detection.compiled import compiled
from fraudstream_platform.detection.flags import REVERSAL, SPEND
from fraudstream_platform.detection.recent import AMOUNT, CARD, ELAPSED, FLAGS, HOUR_MS, MERCHANT
from fraudstream_platform.detection.table import Arrays

TILE_PAGES, TILE_PAGES_END, TILES_A_PAGE = at.TILE_PAGES, at.TILE_PAGES_END, at.TILES_A_PAGE
TILE_HOUR, TILE_N, TILE_N_DECLINED = at.TILE_HOUR, at.TILE_N, at.TILE_N_DECLINED
TILE_SUM_AT, TILE_MAX_AT = at.TILE_SUM, at.TILE_MAX


@compiled
def _counts(spec: NDArray[np.int64], recent: NDArray[np.int64], age: int) -> bool:
    """Whether the spec counts the recent event number `age`."""
    return bool(recent[age, ELAPSED] < spec[1] and recent[age, FLAGS] & spec[2] == spec[3])


@compiled
def _distinct(
    recent: NDArray[np.int64], spec: NDArray[np.int64], column: int, own: int, current: bool
) -> int:
    """Different values among the counted events, `own` being the current event's."""
    found = 1 if current else 0
    for age in range(recent.shape[0]):
        if not _counts(spec, recent, age):
            continue
        value = recent[age, column]
        known = current and value == own
        for newer in range(age):
            if known:
                break
            if recent[newer, column] == value:
                known = _counts(spec, recent, newer)
        if not known:
            found += 1
    return found


@compiled
def _rising_run(recent: NDArray[np.int64], spec: NDArray[np.int64], amount: int) -> int:
    """Length of the run of rising amounts that ends in the current event."""
    length, lower = 1, amount
    for age in range(recent.shape[0]):
        if _counts(spec, recent, age):
            past = recent[age, AMOUNT]
            if past >= lower:
                break
            length, lower = length + 1, past
    return length


@compiled
def _plain(
    recent: NDArray[np.int64], spec: NDArray[np.int64], amount: int, current: bool
) -> int:  # fmt: skip
    """Count, sum, highest or lowest amount of the counted events."""
    kind, value = spec[0], 0
    if current:
        value = 1 if kind == COUNT else amount
    for age in range(recent.shape[0]):
        if not _counts(spec, recent, age):
            continue
        past = recent[age, AMOUNT]
        if kind == COUNT:
            value += 1
        elif kind == MAX:
            value = max(value, past)
        elif kind == MIN:
            value = past if value == 0 else min(value, past)
        elif recent[age, FLAGS] & SPEND:
            value += past
        elif recent[age, FLAGS] & REVERSAL:
            value -= past
    return max(0, value)


@compiled
def event_features(
    recent: NDArray[np.int64], specs: NDArray[np.int64], amount: int, flags: int, merchant: int,
    card: int, out: NDArray[np.int64],
) -> None:  # fmt: skip
    """Write the aggregates over one entity's recent events for an event of these values."""
    for number in range(specs.shape[0]):
        spec = specs[number]
        kind, column = spec[0], spec[5]
        current = spec[4] == 1 and flags & spec[2] == spec[3]
        if kind <= MIN:
            out[column] = _plain(recent, spec, amount, current)
        elif kind == RISING:
            out[column] = _rising_run(recent, spec, amount) if current else 0
        elif kind == MERCHANTS:
            out[column] = _distinct(recent, spec, MERCHANT, merchant, current)
        elif kind == CARDS:
            out[column] = _distinct(recent, spec, CARD, card, current)
        elif kind == AMOUNTS:
            out[column] = _distinct(recent, spec, AMOUNT, amount, current)


@compiled
def tile_features(
    row: NDArray[np.int64], tiles: Arrays, specs: NDArray[np.int64], time: int,
    out: NDArray[np.int64],
) -> int:  # fmt: skip
    """Write the 24 h aggregates (the event's hour and the 23 before it); returns the count."""
    numbers, cells = row.view(np.uint32), tiles[1]
    hour = time // HOUR_MS
    count, declined, total, highest = 0, 0, 0, 0
    for which in range(TILE_PAGES, TILE_PAGES_END):
        if numbers[which] == 0:
            continue
        page = cells[numbers[which]]
        words = page.view(np.uint32)
        for place in range(TILES_A_PAGE):
            age = hour - np.int64(words[TILE_HOUR + place])
            if 0 <= age < TILES:
                count += words[TILE_N + place]
                declined += words[TILE_N_DECLINED + place]
                total += page[TILE_SUM_AT + place]
                highest = max(highest, page[TILE_MAX_AT + place])
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
