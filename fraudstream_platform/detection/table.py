"""Entity table: 64-bit key -> dense id -> rows of plain numpy arrays.

A table is a tuple of arrays, so that kernels take it whole:
(slot_key u64, slot_id i32, owner u64, meta i64, long i64, real f64, word u32, flag u16).
`slot_*` are the open-addressing map (two slots an entity at least); `owner[id]` is the entity's
key; `meta[0]` the number of entities; the last four hold one row an entity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.detection.compiled import compiled

Arrays: TypeAlias = tuple[NDArray[Any], ...]

START_CAPACITY = 256
ROWS = ("long", "real", "word", "flag")
ROW_TYPES = (np.int64, np.float64, np.uint32, np.uint16)


@dataclass(frozen=True)
class Widths:
    """Columns of an entity's row, by type; `last_seen` is the place of its newest event time."""

    long: int
    real: int
    word: int
    flag: int
    last_seen: int

    @property
    def bytes(self) -> int:
        """Bytes of one entity: its row, its key, and its share of the map at full load."""
        return self.long * 8 + self.real * 8 + self.word * 4 + self.flag * 2 + 8 + 2 * 12


@compiled
def slot_of(slot_key: NDArray[np.uint64], key: np.uint64) -> int:
    """The slot that holds `key`, or the free one where it belongs."""
    mask = np.uint64(slot_key.shape[0] - 1)
    place = (key ^ (key >> np.uint64(29))) & mask
    while slot_key[place] != 0 and slot_key[place] != key:
        place = (place + np.uint64(1)) & mask
    return np.int64(place)  # type: ignore[return-value]  # to numba an int


@compiled
def find_or_insert(table: Arrays, key: np.uint64) -> int:
    """The dense id of `key`; a new entity gets the next id and a row of zeros."""
    slot_key, slot_id, owner, meta, long, real, word, flag = table
    slot = slot_of(slot_key, key)
    if slot_key[slot] == key:
        return np.int64(slot_id[slot])  # type: ignore[return-value]
    entity: int = meta[0]
    meta[0] = entity + 1
    slot_key[slot] = key
    slot_id[slot] = entity
    owner[entity] = key
    long[entity, :] = 0
    real[entity, :] = 0.0
    word[entity, :] = 0
    flag[entity, :] = 0
    return entity


@compiled
def _index(table: Arrays) -> None:
    slot_key, slot_id, owner, meta = table[0], table[1], table[2], table[3]
    for entity in range(meta[0]):
        slot = slot_of(slot_key, owner[entity])
        slot_key[slot] = owner[entity]
        slot_id[slot] = entity


@compiled
def _evict(table: Arrays, last_seen: int, horizon_ms: int) -> None:
    slot_key, slot_id, owner, meta, long, real, word, flag = table
    kept = 0
    for entity in range(meta[0]):
        if long[entity, last_seen] >= horizon_ms:
            if kept != entity:
                owner[kept] = owner[entity]
                long[kept, :] = long[entity, :]
                real[kept, :] = real[entity, :]
                word[kept, :] = word[entity, :]
                flag[kept, :] = flag[entity, :]
            kept += 1
    meta[0] = kept
    slot_key[:] = 0
    slot_id[:] = 0


class EntityTable:
    """Owns the arrays of one entity kind and lets them grow, shrink, travel."""

    def __init__(self, widths: Widths, capacity: int = START_CAPACITY) -> None:
        self.widths = widths
        self.arrays: Arrays = self._allocate(capacity)

    def _allocate(self, capacity: int) -> Arrays:
        rows = [
            np.zeros((capacity, getattr(self.widths, name)), dtype)
            for name, dtype in zip(ROWS, ROW_TYPES, strict=True)
        ]
        return (
            np.zeros(2 * capacity, np.uint64),
            np.zeros(2 * capacity, np.int32),
            np.zeros(capacity, np.uint64),
            np.zeros(1, np.int64),
            *rows,
        )

    @property
    def count(self) -> int:
        """Entities held."""
        return int(self.arrays[3][0])

    @property
    def is_full(self) -> bool:
        """No row is free."""
        return self.count >= len(self.arrays[2])

    def grow(self) -> None:
        """Double the capacity."""
        self.load(self.dump(), 2 * self.arrays[2].shape[0])

    def evict(self, horizon_ms: int) -> None:
        """Forget entities whose newest event is before `horizon_ms`."""
        _evict(self.arrays, self.widths.last_seen, horizon_ms)
        _index(self.arrays)

    def dump(self) -> dict[str, NDArray[Any]]:
        """Copies of the entities' rows and keys, in the order of their ids."""
        names = ("owner", "meta", *ROWS)
        arrays = zip(names, self.arrays[2:], strict=True)
        count = self.count
        return {n: (a.copy() if n == "meta" else a[:count].copy()) for n, a in arrays}

    def load(self, dumped: Mapping[str, NDArray[Any]], capacity: int | None = None) -> None:
        """Take over what `dump` gave."""
        count = int(dumped["meta"][0])
        size = capacity or START_CAPACITY
        while size < count:
            size *= 2
        self.arrays = self._allocate(size)
        self.arrays[3][0] = count
        for name, array in zip(("owner", *ROWS), (self.arrays[2], *self.arrays[4:]), strict=True):
            array[:count] = dumped[name]
        _index(self.arrays)
