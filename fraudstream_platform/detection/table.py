"""Entity table: 64-bit key -> dense id -> rows of plain numpy arrays.

A table is a tuple of arrays, so that kernels take it whole:
(slot_key u64, slot_id i32, owner u64, meta i64, cells i64). `slot_*` are the open-addressing map
(two slots an entity at least); `owner[id]` is the entity's key; `meta[0]` the number of entities;
`cells` has one row an entity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.compiled import compiled

Arrays: TypeAlias = tuple[NDArray[Any], ...]

START_CAPACITY = 256
BYTES_OF_KEY = 8 + 2 * 12
"""An entity's key and its share of the map at full load."""


def grown(array: NDArray[Any], rows: int) -> NDArray[Any]:
    """A copy of `array` with `rows` rows; the system lends memory to new ones as they are used."""
    larger = np.zeros((rows, *array.shape[1:]), array.dtype)
    larger[: array.shape[0]] = array
    return larger


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
    slot_key, slot_id, owner, meta, cells = table
    slot = slot_of(slot_key, key)
    if slot_key[slot] == key:
        return np.int64(slot_id[slot])  # type: ignore[return-value]
    entity: int = meta[0]
    meta[0] = entity + 1
    slot_key[slot] = key
    slot_id[slot] = entity
    owner[entity] = key
    cells[entity, :] = 0
    return entity


@compiled
def _index(table: Arrays) -> None:
    slot_key, slot_id, owner, meta = table[0], table[1], table[2], table[3]
    for entity in range(meta[0]):
        slot = slot_of(slot_key, owner[entity])
        slot_key[slot] = owner[entity]
        slot_id[slot] = entity


@compiled
def _evict(table: Arrays, last_seen: int, horizon_ms: int) -> int:
    """Close up the rows of those who stay; returns how many left."""
    _, _, owner, meta, cells = table
    kept, held = 0, meta[0]
    for entity in range(held):
        if cells[entity, last_seen] >= horizon_ms:
            if kept != entity:
                owner[kept] = owner[entity]
                cells[kept, :] = cells[entity, :]
            kept += 1
    meta[0] = kept
    return np.int64(held - kept)  # type: ignore[return-value]


class EntityTable:
    """Owns the arrays of one entity kind and lets them grow, forget, travel.

    `cells` is the width of a row, `last_seen` the place of the entity's newest event time in it.
    """

    def __init__(self, cells: int, last_seen: int) -> None:
        self._last_seen = last_seen
        self.arrays = _indexed(
            np.zeros(START_CAPACITY, np.uint64),
            np.zeros(1, np.int64),
            np.zeros((START_CAPACITY, cells), np.int64),
        )

    @property
    def count(self) -> int:
        """Entities held."""
        return int(self.arrays[3][0])

    @property
    def rows(self) -> NDArray[np.int64]:
        """The entities' rows, in the order of their ids."""
        return self.arrays[4][: self.count]

    def make_room(self) -> None:
        """Double the rows where none is left."""
        _, _, owner, meta, cells = self.arrays
        if self.count == owner.shape[0]:
            capacity = 2 * self.count
            self.arrays = _indexed(grown(owner, capacity), meta, grown(cells, capacity))

    def evict(self, horizon_ms: int) -> bool:
        """Forget entities whose newest event is before `horizon_ms`; whether there were any."""
        if _evict(self.arrays, self._last_seen, horizon_ms) == 0:
            return False
        self.arrays[0][:] = 0
        _index(self.arrays)
        return True

    def dump(self) -> dict[str, NDArray[Any]]:
        """Copies of the entities' keys and rows, in the order of their ids."""
        owner, meta = self.arrays[2:4]
        return {
            "owner": owner[: self.count].copy(),
            "meta": meta.copy(),
            "cells": self.rows.copy(),
        }

    def load(self, dumped: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `dump` gave."""
        owner, meta, cells = dumped["owner"], dumped["meta"].copy(), dumped["cells"]
        capacity = max(START_CAPACITY, 1 << owner.shape[0].bit_length())
        self.arrays = _indexed(grown(owner, capacity), meta, grown(cells, capacity))


def _indexed(owner: NDArray[Any], meta: NDArray[Any], cells: NDArray[Any]) -> Arrays:
    """The arrays of a table with its map made anew."""
    slots = 2 * owner.shape[0]
    arrays = (np.zeros(slots, np.uint64), np.zeros(slots, np.int32), owner, meta, cells)
    _index(arrays)
    return arrays
