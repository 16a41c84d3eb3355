"""The breaker of a partition's sources: a source that sends mostly rubbish is not believed.

A source's running score is the exponential mean of its rows' quality scores, about the last 32 rows
of it. Where it falls below the threshold the breaker opens: the source's rows are held, those too
that break no rule, until the score has made good half of what lies between the threshold and 1.
Rows that came more than a day late are neither counted nor held, so that a file of the past does not
stop the present.

The score goes by offset order and is held in whole numbers, so what is held is a function of the log
alone: live, resumed and rebuilt alike, however the log was cut into steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.compiled import compiled
from fraudstream_platform.contracts.codes import SOURCES

_MEMORY_BITS = 5
"""The newest row counts for 1/32 of the running score."""
_ONE = 10_000 << 32
"""The score 1: scores have four decimals, and 32 bits keep what a mean of them leaves over."""


@compiled
def _hold(
    rows: NDArray[np.int64],
    sources: NDArray[np.int8],
    scores: NDArray[np.float64],
    opens_below: int,
    closes_from: int,
    levels: NDArray[np.int64],
    is_open: NDArray[np.bool_],
    held: NDArray[np.bool_],
) -> None:
    for row in rows:
        source = sources[row]
        if source < 0:
            continue
        score = np.int64(np.rint(scores[row] * 10_000)) << 32
        levels[source] += (score - levels[source]) >> _MEMORY_BITS
        if levels[source] < opens_below:
            is_open[source] = True
        elif levels[source] >= closes_from:
            is_open[source] = False
        held[row] = is_open[source]


class Breaker:
    """Running scores of one partition's sources; the last is of rows that name no known source."""

    def __init__(self) -> None:
        self._levels = np.full(len(SOURCES) + 1, _ONE, np.int64)
        self._is_open = np.zeros(len(SOURCES) + 1, np.bool_)

    def hold(
        self,
        rows: NDArray[np.int64],
        sources: NDArray[np.int8],
        scores: NDArray[np.float64],
        threshold: float,
        held: NDArray[np.bool_],
    ) -> None:
        """Set `held[row]` of `rows` (in offset order); scores and threshold are 0 to 1.

        `sources`: each row's place in SOURCES, behind them all for others, below 0 to pass it over.
        """
        opens_below = round(threshold * _ONE)
        closes_from = (opens_below + _ONE) // 2
        _hold(rows, sources, scores, opens_below, closes_from, self._levels, self._is_open, held)

    def dump(self) -> dict[str, NDArray[Any]]:
        """Copies of what is remembered."""
        return {"levels": self._levels.copy(), "is_open": self._is_open.copy()}

    def load(self, dumped: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `dump` gave."""
        self._levels = np.array(dumped["levels"], np.int64)
        self._is_open = np.array(dumped["is_open"], np.bool_)
