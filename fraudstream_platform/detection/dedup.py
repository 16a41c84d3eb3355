"""Duplicate transaction ids of one partition, within a stated horizon.

Ids are remembered as 64-bit hashes in two generations of a set, rotated every `GENERATION`
offsets: an id is recognised for at least `GENERATION` and at most twice as many records. Two
different ids share a hash with a chance of about 1e-8 within a full horizon.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.compiled import compiled
from fraudstream_platform.detection.table import slot_of

GENERATION_BITS = 18
GENERATION = 1 << GENERATION_BITS
_START_SLOTS = 1024


@compiled
def _admit(
    rows: NDArray[np.int64],
    start: int,
    keys: NDArray[np.uint64],
    offsets: NDArray[np.int64],
    clean: NDArray[np.bool_],
    young: NDArray[np.uint64],
    old: NDArray[np.uint64],
    meta: NDArray[np.int64],
    duplicate: NDArray[np.bool_],
) -> int:
    """Mark duplicates from `rows[start]` on; stops where the set must rotate or grow."""
    for place in range(start, rows.shape[0]):
        row = rows[place]
        if (offsets[row] >> GENERATION_BITS) != meta[0]:
            return place
        key = keys[row]
        if key == 0:
            continue
        slot = slot_of(young, key)
        if young[slot] == key or old[slot_of(old, key)] == key:
            duplicate[row] = True
        elif clean[row]:
            if 2 * (meta[1] + 1) > young.shape[0]:
                return place
            young[slot] = key
            meta[1] += 1
    return len(rows)


@compiled
def _fill(into: NDArray[np.uint64], keys: NDArray[np.uint64]) -> None:
    for key in keys:
        if key != 0:
            into[slot_of(into, key)] = key


class SeenIds:
    """The ids that one partition has let through."""

    def __init__(self) -> None:
        self._young = np.zeros(_START_SLOTS, np.uint64)
        self._old = np.zeros(_START_SLOTS, np.uint64)
        # [generation of `young`, ids in it]
        self._meta = np.array([-1, 0], np.int64)

    def mark(
        self,
        rows: NDArray[np.int64],
        keys: NDArray[np.uint64],
        offsets: NDArray[np.int64],
        clean: NDArray[np.bool_],
        duplicate: NDArray[np.bool_],
    ) -> None:
        """Set `duplicate[row]` for rows whose id was let through before; remember clean rows."""
        place = 0
        while place < rows.shape[0]:
            place = _admit(
                rows, place, keys, offsets, clean, self._young, self._old, self._meta, duplicate
            )
            if place < rows.shape[0]:
                self._make_room(int(offsets[rows[place]]) >> GENERATION_BITS)

    def _make_room(self, generation: int) -> None:
        if generation == self._meta[0]:
            grown = np.zeros(2 * self._young.shape[0], np.uint64)
            _fill(grown, self._young)
            self._young = grown
            return
        follows = generation == self._meta[0] + 1
        self._old = self._young if follows else np.zeros(_START_SLOTS, np.uint64)
        self._young = np.zeros(_START_SLOTS, np.uint64)
        self._meta[:] = (generation, 0)

    def dump(self) -> dict[str, NDArray[Any]]:
        """Copies of what is remembered."""
        return {
            "young": self._young[self._young != 0],
            "old": self._old[self._old != 0],
            "meta": self._meta.copy(),
        }

    def load(self, dumped: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `dump` gave."""
        self._young = _slots_for(dumped["young"])
        self._old = _slots_for(dumped["old"])
        self._meta = dumped["meta"].astype(np.int64)


def _slots_for(keys: NDArray[Any]) -> NDArray[np.uint64]:
    size = _START_SLOTS
    while size < 2 * keys.shape[0]:
        size *= 2
    slots = np.zeros(size, np.uint64)
    _fill(slots, keys.astype(np.uint64))
    return slots
