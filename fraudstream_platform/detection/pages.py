"""Pages: the part of an entity's state that grows with its history.

An entity's row names its pages by number; 0 is no page. A page is handed out when an entity
first writes to it, numbers follow one another, and `compact` closes the gaps that forgotten
entities leave. So an entity of one event takes one page of events and one of tiles, and none ever
has to move. A pool is a tuple of arrays, so that kernels take it whole:
(meta i64, cells i64); `meta[0]` is the next page's number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.compiled import compiled
from fraudstream_platform.detection.table import Arrays, grown

START_PAGES = 256


@compiled
def page_for(pool: Arrays, numbers: NDArray[np.uint32], which: int) -> Any:
    """The page `numbers[which]`; where there is none, a new one of zeros."""
    meta, cells = pool
    if numbers[which] == 0:
        page = meta[0]
        meta[0] = page + 1
        numbers[which] = page
        cells[page, :] = 0
    return cells[numbers[which]]


@compiled
def _compact(pool: Arrays, rows: NDArray[np.int64], first: int, last: int) -> None:
    """Keep the pages that words `first` to `last` of `rows` name; number them anew, in order."""
    meta, cells = pool
    moved = np.zeros(meta[0], np.uint32)
    for row in range(rows.shape[0]):
        for page in rows[row].view(np.uint32)[first:last]:
            moved[page] = 1
    moved[0] = 0
    kept = 1
    for page in range(1, meta[0]):
        if moved[page]:
            if kept != page:
                cells[kept, :] = cells[page, :]
            moved[page] = kept
            kept += 1
    meta[0] = kept
    for row in range(rows.shape[0]):
        numbers = rows[row].view(np.uint32)
        for which in range(first, last):
            numbers[which] = moved[numbers[which]]


class PagePool:
    """Owns the pages of one kind, whose numbers are the words `first` to `last` of a row."""

    def __init__(self, cells: int, first: int, last: int) -> None:
        self._places = first, last
        self.arrays: Arrays = np.ones(1, np.int64), np.zeros((START_PAGES, cells), np.int64)

    @property
    def used(self) -> int:
        """Pages handed out, the one of number 0 included."""
        return int(self.arrays[0][0])

    def make_room(self) -> None:
        """Double the pages where none is left."""
        meta, cells = self.arrays
        if self.used == cells.shape[0]:
            self.arrays = meta, grown(cells, 2 * self.used)

    def compact(self, rows: NDArray[np.int64]) -> None:
        """Give up the pages that no row names, and rewrite their numbers in the rows."""
        _compact(self.arrays, rows, *self._places)

    def dump(self) -> dict[str, NDArray[Any]]:
        """Copies of the pages handed out."""
        meta, cells = self.arrays
        return {"meta": meta.copy(), "cells": cells[: self.used].copy()}

    def load(self, dumped: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `dump` gave."""
        pages = max(START_PAGES, 1 << dumped["cells"].shape[0].bit_length())
        self.arrays = dumped["meta"].copy(), grown(dumped["cells"], pages)
