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
from fraudstream_platform.detection.accounts import Account, AccountTable, has_room
from fraudstream_platform.detection.cases import CaseTable
from fraudstream_platform.detection.catalogue import RING, TILES, catalogue_version
from fraudstream_platform.detection.compiled import compiled
from fraudstream_platform.detection.dedup import SeenIds
from fraudstream_platform.detection.events import Events
from fraudstream_platform.detection.flags import ATTEMPT, PRESENT
from fraudstream_platform.detection.formulas import DAY_MS
from fraudstream_platform.detection.kernel import account_row, place_row
from fraudstream_platform.detection.layout import kernel_specs, scalar_columns
from fraudstream_platform.detection.patterns import PATTERNS
from fraudstream_platform.detection.recent import empty_recent
from fraudstream_platform.detection.table import BYTES_OF_KEY, Arrays, EntityTable

EPOCH_BITS = 16
SILENT_MS = 45 * DAY_MS


def bytes_per_card(events: int = RING, hours: int = TILES) -> int:
    """Most bytes of a card that has seen `events` in as many `hours`, its instrument included."""
    cells = at.ACCOUNT_CELLS + at.INSTRUMENT_CELLS
    cells += -(-min(events, RING) // at.EVENTS_A_PAGE) * at.CARD_EVENT_CELLS
    cells += min(hours, TILES // at.TILES_A_PAGE) * at.TILE_CELLS
    return 8 * cells + 2 * BYTES_OF_KEY


@compiled
def _advance(
    rows: NDArray[np.int64], start: int, columns: Arrays,
    tables: tuple[Account, Account, Arrays], specs: Arrays, clock: NDArray[np.int64],
    scratch: NDArray[np.int64], integers: NDArray[np.int64], reals: NDArray[np.float64],
) -> int:  # fmt: skip
    """Run rows from `rows[start]` on; stops where a table is full or an epoch ends."""
    (offset, times, amounts, flags, cards, customers, instruments, merchants) = columns[:8]
    latitude, longitude, precision = columns[8], columns[9], columns[10]
    card_table, customer_table, instrument_table = tables
    card_specs, customer_specs, card_scalars, customer_scalars, place_scalars = specs
    for place in range(start, rows.shape[0]):
        row = rows[place]
        if (offset[row] >> EPOCH_BITS) != clock[0]:
            return place
        if not (has_room(card_table) and has_room(customer_table)):
            return place
        if instrument_table[3][0] == instrument_table[2].shape[0]:
            return place
        time, amount = times[row], amounts[row]
        word: Any = np.int64(flags[row])
        merchant: Any = np.int64(merchants[row] & np.uint64(0xFFFFFFFF))
        card: Any = np.int64(cards[row] & np.uint64(0xFFFFFFFF))
        if clock[2] == 0:
            clock[2] = time
        clock[1] = max(clock[1], time)
        warm = clock[1] - clock[2] >= DAY_MS
        if cards[row] != 0:
            account_row(
                card_table, cards[row], card_specs, card_scalars, time, amount, word, merchant,
                card, warm, scratch, integers[row], reals[row],
            )  # fmt: skip
        if customers[row] != 0:
            account_row(
                customer_table, customers[row], customer_specs, customer_scalars, time, amount,
                word, merchant, card, warm, scratch, integers[row], reals[row],
            )  # fmt: skip
        placed = not (np.isnan(latitude[row]) or np.isnan(longitude[row]))
        if instruments[row] != 0 and placed and word & PRESENT and word & ATTEMPT:
            place_row(
                instrument_table, instruments[row], place_scalars, time, latitude[row],
                longitude[row], precision[row], reals[row],
            )  # fmt: skip
    return len(rows)


def _specs() -> Arrays:
    return (
        kernel_specs("card"),
        kernel_specs("customer"),
        scalar_columns("card"),
        scalar_columns("customer"),
        scalar_columns("instrument"),
    )


class PartitionState:
    """Everything that one partition's past leaves behind."""

    def __init__(self) -> None:
        self.seen = SeenIds()
        self.cases = CaseTable()
        self._cards = AccountTable(at.CARD_EVENT_CELLS)
        self._customers = AccountTable(at.CUSTOMER_EVENT_CELLS)
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
        columns = (
            events.offset,
            events.time,
            events.amount,
            events.flags,
            events.card,
            events.customer,
            events.instrument,
            events.merchant,
            events.latitude,
            events.longitude,
            events.precision,
        )
        place = 0
        while place < rows.shape[0]:
            tables = (self._cards.arrays, self._customers.arrays, self._instruments.arrays)
            place = _advance(
                rows, place, columns, tables, _specs(), self._clock, self._scratch, integers, reals
            )
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
        parts["seen"] = self.seen.dump()
        parts["cases"] = self.cases.dump()
        arrays = {f"{part}.{name}": a for part, held in parts.items() for name, a in held.items()}
        arrays["clock"] = self._clock.copy()
        return arrays

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `dump` gave."""
        self._clock = np.array(arrays["clock"], np.int64)
        holders: dict[str, AccountTable | EntityTable | SeenIds | CaseTable] = {
            **self._tables,
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
