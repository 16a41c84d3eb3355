"""Accounts: cards or customers, a short row each, and pages as their history grows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from numpy.typing import NDArray

from fraudstream_platform.compiled import compiled
from fraudstream_platform.detection import layout as at
from fraudstream_platform.detection.pages import PagePool
from fraudstream_platform.detection.table import Arrays, EntityTable

Account: TypeAlias = tuple[Arrays, Arrays, Arrays, Arrays]
"""Rows, pages of events, of hours, of days."""


@compiled
def has_room(account: Account) -> bool:
    """Whether one more event fits whatever it needs: a row, and a page of each kind."""
    rows, events, hours, days = account
    return bool(
        rows[3][0] < rows[2].shape[0]
        and events[0][0] < events[1].shape[0]
        and hours[0][0] < hours[1].shape[0]
        and days[0][0] < days[1].shape[0]
    )


class AccountTable:
    """Owns the arrays of one kind of account and lets them grow, forget, travel."""

    def __init__(self, cells: int, event_cells: int, day_cells: int) -> None:
        self._rows = EntityTable(cells, at.LAST_TIME)
        self._pools = {
            "events": PagePool(event_cells, at.EVENT_PAGES, at.HOUR_PAGES),
            "hours": PagePool(at.HOUR_CELLS, at.HOUR_PAGES, at.DAY_PAGES),
            "days": PagePool(day_cells, at.DAY_PAGES, at.DAY_PAGES_END),
        }

    @property
    def arrays(self) -> Account:
        """What the kernels take."""
        events, hours, days = (self._pools[name].arrays for name in ("events", "hours", "days"))
        return self._rows.arrays, events, hours, days

    @property
    def count(self) -> int:
        """Accounts held."""
        return self._rows.count

    def make_room(self) -> None:
        """Double what is full."""
        self._rows.make_room()
        for pool in self._pools.values():
            pool.make_room()

    def evict(self, horizon_ms: int) -> None:
        """Forget accounts whose newest event is before `horizon_ms`, and their pages."""
        if self._rows.evict(horizon_ms):
            for pool in self._pools.values():
                pool.compact(self._rows.rows)

    def dump(self) -> dict[str, NDArray[Any]]:
        """Copies of rows and pages."""
        pages = {f"{p}.{n}": a for p, pool in self._pools.items() for n, a in pool.dump().items()}
        return self._rows.dump() | pages

    def load(self, dumped: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `dump` gave."""
        self._rows.load(dumped)
        for part, pool in self._pools.items():
            prefix = f"{part}."
            pool.load(
                {n.removeprefix(prefix): a for n, a in dumped.items() if n.startswith(prefix)}
            )
