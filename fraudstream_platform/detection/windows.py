"""Kernel of counts and sums: evaluates every declared window over recent events."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.compiled import compiled
from fraudstream_platform.detection.catalogue import (
    AMOUNTS,
    CARDS,
    COUNT,
    MAX,
    MERCHANTS,
    MIN,
    RISING,
)
from fraudstream_platform.detection.flags import REVERSAL, SPEND
from fraudstream_platform.detection.now import Now
from fraudstream_platform.detection.recent import AMOUNT, CARD, ELAPSED, FLAGS, MERCHANT


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
    recent: NDArray[np.int64], specs: NDArray[np.int64], now: Now, out: NDArray[np.int64]
) -> None:  # fmt: skip
    """Write the aggregates over one entity's recent events."""
    for number in range(specs.shape[0]):
        spec = specs[number]
        kind, column = spec[0], spec[5]
        current = spec[4] == 1 and now.flags & spec[2] == spec[3]
        if kind <= MIN:
            out[column] = _plain(recent, spec, now.amount, current)
        elif kind == RISING:
            out[column] = _rising_run(recent, spec, now.amount) if current else 0
        elif kind == MERCHANTS:
            out[column] = _distinct(recent, spec, MERCHANT, now.merchant, current)
        elif kind == CARDS:
            out[column] = _distinct(recent, spec, CARD, now.card, current)
        elif kind == AMOUNTS:
            out[column] = _distinct(recent, spec, AMOUNT, now.amount, current)
