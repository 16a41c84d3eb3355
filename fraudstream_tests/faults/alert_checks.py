"""Alerts of the topic as they come, beside the rows that raised them and the alert table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import polars as pl

from fraudstream_platform.drain.positions import Positions
from fraudstream_tests.faults.expected import Place, Row

_NETWORK = {"merchant_collusion", "synthetic_identity"}
"""Patterns that are found over Silver, by another job: their alerts are no row's."""


class AlertChecks:
    """Remembers all alerts of the topic, and which of them were compared."""

    def __init__(self) -> None:
        self._on_topic: dict[Place, Row] = {}
        self._ids: Counter[str] = Counter()
        self._unmatched: dict[Place, Row] = {}

    @property
    def count(self) -> int:
        """Alerts heard."""
        return self._ids.total()

    def hear(self, place: Place, alert: Row) -> None:
        """An alert, and where on its own topic it stands."""
        self._on_topic[place] = alert
        self._ids[alert["alert_id"]] += 1
        if not _NETWORK & set(alert["patterns"]):
            self._unmatched[alert["partition"], alert["offset"]] = alert

    def doubled(self) -> Iterable[str]:
        """Alerts that the topic has more than once."""
        return (alert for alert, times in self._ids.items() if times > 1)

    def take(self, upto: Positions) -> dict[Place, Row]:
        """Alerts of rows below `upto` that were not taken before, by the places of their rows."""
        reached = [place for place in self._unmatched if place[1] < upto[place[0]]]
        return {place: self._unmatched.pop(place) for place in reached}

    def unlike_table(self, found: pl.DataFrame, *, is_last: bool) -> Iterable[str]:
        """Rows of the alert table that are not what the topic says, or are missing at the end."""
        left = dict(self._on_topic)
        for row in found.iter_rows(named=True):
            at = (row["topic_partition"], row["topic_offset"])
            alert = left.pop(at, None)
            if alert is None:
                # It may be newer than what was read of the topic, but not twice.
                if at in self._on_topic or is_last:
                    yield f"{at} is there twice, or should not be"
            elif any(row[name] != value for name, value in alert.items()):
                yield f"{at} is not what the topic says"
        if is_last:
            yield from (f"{at} is missing" for at in left)
