"""State of one partition: what the detector remembers of its cards, customers and instruments.

Bounds: an entity has a fixed row and a bounded number of pages (`bytes_per_card`); entities silent
for more than 45 days of event time are forgotten whenever the partition's offsets pass a multiple
of 2^16, so that what is forgotten depends on the log alone, never on how it was cut into steps.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.detection import layout as at
from fraudstream_platform.detection.accounts import AccountTable
from fraudstream_platform.detection.advance import EPOCH_BITS, advance, feature_columns
from fraudstream_platform.detection.breaker import Breaker
from fraudstream_platform.detection.cases import CaseTable
from fraudstream_platform.detection.catalogue import DAYS, HOURS, RING, catalogue_version
from fraudstream_platform.detection.dedup import SeenIds
from fraudstream_platform.detection.events import Events
from fraudstream_platform.detection.formulas import DAY_MS
from fraudstream_platform.detection.patterns import PATTERNS
from fraudstream_platform.detection.recent import empty_recent
from fraudstream_platform.detection.table import BYTES_OF_KEY, EntityTable

SILENT_MS = 45 * DAY_MS


def bytes_per_card(events: int = RING, hours: int = HOURS, days: int = DAYS) -> int:
    """Bytes of a card and its instrument whose busiest hour had `events`, busiest day `hours`.

    Its busiest 30 days had `days`. The defaults are the most that a card can take.
    """
    cells = at.CARD_CELLS + at.INSTRUMENT_CELLS
    cells += ((min(events, RING) + 2) // at.EVENTS_A_PAGE + 1) * at.CARD_EVENT_CELLS
    cells += -(-min(hours, HOURS) // at.TILES_A_PAGE) * at.HOUR_CELLS
    cells += -(-min(days, DAYS) // at.TILES_A_PAGE) * at.CARD_DAY_CELLS
    return 8 * cells + 2 * BYTES_OF_KEY


class PartitionState:
    """Everything that one partition's past leaves behind."""

    def __init__(self) -> None:
        self.breaker = Breaker()
        self.seen = SeenIds()
        self.cases = CaseTable()
        self._cards = AccountTable(at.CARD_CELLS, at.CARD_EVENT_CELLS, at.CARD_DAY_CELLS)
        self._customers = AccountTable(
            at.CUSTOMER_CELLS, at.CUSTOMER_EVENT_CELLS, at.CUSTOMER_DAY_CELLS
        )
        self._instruments = EntityTable(at.INSTRUMENT_CELLS, at.PLACE_SEEN)
        self._tables: dict[str, AccountTable | EntityTable] = {
            "card": self._cards,
            "customer": self._customers,
            "instrument": self._instruments,
        }
        self._scratch = empty_recent()
        # [epoch of offsets, newest event time in ms, first event time in ms]
        self._clock = np.array([-1, 0, 0], np.int64)

    def advance(
        self,
        rows: NDArray[np.int64],
        events: Events,
        integers: NDArray[np.int64],
        reals: NDArray[np.float64],
    ) -> None:
        """Fill the features of `rows` (in offset order) and remember the rows."""
        place = 0
        while place < rows.shape[0]:
            tables = (self._cards.arrays, self._customers.arrays, self._instruments.arrays)
            place = advance(
                rows, place, events, tables, feature_columns(), self._clock, self._scratch,
                integers, reals,
            )  # fmt: skip
            if place < rows.shape[0]:
                self._make_room(int(events.offset[rows[place]]) >> EPOCH_BITS)

    def _make_room(self, epoch: int) -> None:
        if epoch != self._clock[0]:
            self._clock[0] = epoch
            for table in self._tables.values():
                table.evict(int(self._clock[1]) - SILENT_MS)
        for table in self._tables.values():
            table.make_room()

    def entities(self) -> dict[str, int]:
        """Entities held, by kind."""
        return {name: table.count for name, table in self._tables.items()}

    def dump(self) -> dict[str, NDArray[Any]]:
        """Copies of all arrays, named `<part>.<array>`."""
        parts = {name: table.dump() for name, table in self._tables.items()}
        parts["breaker"] = self.breaker.dump()
        parts["seen"] = self.seen.dump()
        parts["cases"] = self.cases.dump()
        arrays = {f"{part}.{name}": a for part, held in parts.items() for name, a in held.items()}
        arrays["clock"] = self._clock.copy()
        return arrays

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `dump` gave."""
        self._clock = np.array(arrays["clock"], np.int64)
        holders: dict[str, AccountTable | EntityTable | Breaker | SeenIds | CaseTable] = {
            **self._tables,
            "breaker": self.breaker,
            "seen": self.seen,
            "cases": self.cases,
        }
        for part, holder in holders.items():
            prefix = f"{part}."
            mine = {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
            holder.load(mine)


@cache
def state_version() -> str:
    """Names the features' declaration and the arrays of `dump`: other states cannot be loaded."""
    arrays = PartitionState().dump()
    shapes = [(name, a.dtype.str, a.shape[1:]) for name, a in sorted(arrays.items())]
    text = repr((at.LAYOUT, at.EVENTS_A_PAGE, at.TILES_A_PAGE, tuple(PATTERNS), shapes))
    return f"{catalogue_version()}-state-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
