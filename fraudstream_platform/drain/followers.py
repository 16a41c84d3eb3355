"""The topics that a run follows into tables, each at its own pace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from fraudstream_platform.drain.follower import alert_follower, vault_follower
from fraudstream_platform.drain.labels import label_follower
from fraudstream_platform.drain.touches import touch_follower
from fraudstream_platform.lake.tables import ALERTS, ENTITY_TOUCHES, LABELS, VAULT
from fraudstream_platform.settings import Settings


class _Pace(NamedTuple):
    """Shortest seconds between two polls, and between two commits."""

    poll: float
    commit: float


_PACES = {
    ALERTS: _Pace(0.5, 2.0),
    VAULT: _Pace(1.0, 10.0),  # nobody waits for a seal, and a commit of them is six files
    LABELS: _Pace(2.0, 10.0),  # a replayed file brings many at once: they wait, not the committer
    ENTITY_TOUCHES: _Pace(1.0, 15.0),  # only a rebuild asks for them
}
_AT_ONCE = _Pace(0.0, 0.0)


class Followers:
    """Alerts, seals, labels and touches on their way into their tables."""

    def __init__(self, settings: Settings) -> None:
        self._by_table = {
            ALERTS: alert_follower(settings),
            VAULT: vault_follower(settings),
            LABELS: label_follower(settings),
            ENTITY_TOUCHES: touch_follower(settings),
        }

    def close(self) -> None:
        """Release the clients."""
        for follower in self._by_table.values():
            follower.close()

    def follow(self, *, at_once: bool = False) -> Iterator[tuple[str, pl.DataFrame]]:
        """Read and commit what is due, or all that is there; gives tables and rows added."""
        for table, follower in self._by_table.items():
            pace = _AT_ONCE if at_once else _PACES[table]
            follower.poll(pace.poll)
            for rows in follower.commit(pace.commit):
                yield table, rows

    def labels_waiting(self) -> int | None:
        """Offsets of the label topic past its table; None where the broker does not answer."""
        return self._by_table[LABELS].waiting()
