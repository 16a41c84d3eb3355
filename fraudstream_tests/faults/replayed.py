"""The same records stepped once more by the engine: in one process, undisturbed, in other cuts.

What is scored and alerted has no naive oracle; that no fault changes it is seen here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from fraudstream_platform.contracts.tables import BRONZE_SCHEMA
from fraudstream_platform.detection.step import Detector
from fraudstream_platform.drain.touches import Columns, touches_of
from fraudstream_platform.lake.hours import hour_of
from fraudstream_platform.settings import Settings
from fraudstream_tests.faults.expected import Row

_STEP_ROWS = 1_999


class Replayed:
    """A detector that hears what the tasks told each other, and nothing else of them."""

    def __init__(self, settings: Settings) -> None:
        self._detector = Detector(
            quality_threshold=settings.silver_quality_threshold,
            oldest_event_days=settings.oldest_event_days,
        )

    def hear(self, told: Columns, appended: Sequence[int]) -> None:
        """Touches in the topic's order, and each one's append time (epoch ms)."""
        self._detector.exchange.accept(touches_of(told), np.array(appended, np.int64))

    def step(self, bronze: Sequence[Row]) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Features and alerts of Bronze rows, in their order."""
        results = [
            self._detector.step(
                pl.DataFrame(list(bronze[start : start + _STEP_ROWS]), BRONZE_SCHEMA, orient="row"),
                hour_of(round(bronze[start]["append_time"].timestamp() * 1000)),
            )
            for start in range(0, len(bronze), _STEP_ROWS)
        ]
        if not results:
            return pl.DataFrame(), pl.DataFrame()
        return (
            pl.concat([one.features for one in results]),
            pl.concat([one.alerts for one in results]),
        )
