"""What all tasks together have seen of devices, IP networks, merchants and BINs at merchants.

Tasks tell each other their touches over a topic. A record sees a touch if and only if the touch's
append time plus `VISIBLE_AFTER_MS` is at or before the record's own append time; so owner, standby,
restart and rebuild give the same record the same counts, whatever their own timing. A record told
twice, as after a take-over, is known by its offset: only what lies past everything taken from its
partition is taken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.compiled import compiled
from fraudstream_platform.detection.catalogue import FEATURES, INTEGERS, REALS
from fraudstream_platform.detection.events import Events
from fraudstream_platform.detection.exchange_counts import (
    CARDS_LONG,
    CARDS_SHORT,
    REFUSED_CARDS_LONG,
    SEEN_NO_ACCOUNT,
    SEEN_REFUSED,
    SEEN_TINY,
)
from fraudstream_platform.detection.exchange_log import TouchLog
from fraudstream_platform.detection.exchange_rows import SHORT_MS, SPREAD_MS
from fraudstream_platform.detection.exchange_touches import KINDS, MERCHANT, Observer, Touches
from fraudstream_platform.detection.flags import PROBE
from fraudstream_platform.detection.formulas import DAY_MS

VISIBLE_AFTER_MS = 1_000
"""From a touch's append to the first record that sees it: time for every task to have read it."""
LOOP_MS = 200
"""Where a detector hears only itself: from a record's append to the append of its touch."""
LAYOUT = 1
"""Raise it when a value of `dump` changes its place or meaning."""
_MOST_PARTITIONS = 1_024
_MOST_WAITING_MS = SPREAD_MS // 2
"""Span of touches that wait for records while none comes."""

_FOUND = {
    "cards_10m": CARDS_SHORT,
    "cards_24h": CARDS_LONG,
    "declined_cards_24h": REFUSED_CARDS_LONG,
    "decline_share_10m": SEEN_REFUSED,
    "small_share_10m": SEEN_TINY,
    "invalid_share_10m": SEEN_NO_ACCOUNT,
}


@cache
def _specs(first: int) -> NDArray[np.int64]:
    """Rows [key, what is found, column, is a share] of the two kinds from `first` on."""
    columns = {f.name: column for of in (INTEGERS, REALS) for column, f in enumerate(of)}
    rows = [
        [chain, _FOUND[f.measure], columns[f.name], int(not f.is_integer)]
        for chain, kind in enumerate(KINDS[first : first + 2])
        for f in FEATURES
        if f.entity == kind
    ]
    return np.array(rows, np.int64)


@compiled
def _mark_new(
    partitions: NDArray[np.int32], offsets: NDArray[np.int64], taken: NDArray[np.int64],
    new: NDArray[np.bool_],
) -> None:  # fmt: skip
    """Mark touches past what was taken of their partition, and take them."""
    for place in range(offsets.shape[0]):
        new[place] = offsets[place] > taken[partitions[place]]
        if new[place]:
            taken[partitions[place]] = offsets[place]


def _near_each_other(
    rows: NDArray[np.int64], bounds: NDArray[np.int64]
) -> Sequence[NDArray[np.int64]]:
    """`rows` by turns, the oldest first, each turn no longer than the logs remember beside it."""
    if rows.shape[0] == 0:
        return ()
    asked = bounds[rows]
    first = asked.min()
    if asked.max() - first < SPREAD_MS:
        return (rows,)
    turns = (asked - first) // SPREAD_MS
    return [rows[turns == turn] for turn in np.unique(turns)]


class Exchange:
    """The touches that were told, and the counts that probes ask of them.

    With `loops_back` it hears the touches of its own rows, as where one detector has all partitions.
    """

    def __init__(self, *, loops_back: bool = False) -> None:
        self._loops_back = loops_back
        self._observer = Observer()
        self._shops, self._devices = TouchLog(SHORT_MS), TouchLog(DAY_MS)
        self._taken = np.full(_MOST_PARTITIONS, -1, np.int64)
        self._waiting: deque[tuple[Touches, NDArray[np.int64]]] = deque()
        self._entered = 0
        self.position = 0
        """Next offset of the topic that the touches are read from."""

    def attend(
        self,
        events: Events,
        hashes: Mapping[str, NDArray[np.uint64]],
        appended: NDArray[np.int64],
        integers: NDArray[np.int64],
        reals: NDArray[np.float64],
    ) -> Touches:
        """Fill the columns of the exchange for rows appended at `appended`; the rows' touches."""
        keys, touches, rows = self._observer.observe(events, hashes)
        if self._loops_back:
            order = np.argsort(appended[rows], kind="stable")
            self.accept(touches.where(order), appended[rows][order] + LOOP_MS)
        bounds = appended - VISIBLE_AFTER_MS
        for asking in _near_each_other(np.flatnonzero(events.flags & PROBE), bounds):
            self._take(int(bounds[asking].max()))
            for log, first in self._logs():
                log.look_up(
                    asking, bounds, events.time, keys[first : first + 2], _specs(first), integers,
                    reals,
                )  # fmt: skip
        return touches

    def accept(self, touches: Touches, appended: NDArray[np.int64]) -> None:
        """Hear told touches, in the topic's order; `appended` in epoch ms."""
        new = np.zeros(len(touches), np.bool_)
        _mark_new(touches.partition, touches.offset, self._taken, new)
        if new.any():
            # A topic's append time can step back where its leader changes.
            moments = np.maximum.accumulate(np.maximum(appended[new], self._newest()))
            self._waiting.append((touches.where(new), moments))
            if not self._loops_back:
                self._take(int(moments[-1]) - _MOST_WAITING_MS)

    def untold(self, touches: Touches) -> NDArray[np.bool_]:
        """Which touches lie past everything that was heard of their partitions."""
        later: NDArray[np.bool_] = touches.offset > self._taken[touches.partition]
        return later

    def _newest(self) -> int:
        return int(self._waiting[-1][1][-1]) if self._waiting else self._entered

    def _take(self, until: int) -> None:
        """Enter what was appended by `until`: a log that runs ahead forgets what is still asked."""
        while self._waiting and self._waiting[0][1][0] <= until:
            touches, appended = self._waiting.popleft()
            end = int(np.searchsorted(appended, until, side="right"))
            if end < len(touches):
                later = np.arange(end, len(touches))
                self._waiting.appendleft((touches.where(later), appended[end:]))
                touches, appended = touches.where(np.arange(end)), appended[:end]
            self._entered = int(appended[-1])
            for log, first in self._logs():
                log.append(touches, touches.keys[first : first + 2], appended)

    def _logs(self) -> tuple[tuple[TouchLog, int], tuple[TouchLog, int]]:
        return (self._devices, 0), (self._shops, MERCHANT)

    def dump(self) -> dict[str, NDArray[Any]]:
        """Copies of all arrays, named `<log>.<array>`."""
        self._take(self._newest())
        parts = {"devices": self._devices.dump(), "shops": self._shops.dump()}
        arrays = {f"{part}.{name}": a for part, held in parts.items() for name, a in held.items()}
        clock = np.array([self.position, self._entered])
        return arrays | {"taken": self._taken.copy(), "clock": clock}

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `dump` gave."""
        for part, log in (("devices", self._devices), ("shops", self._shops)):
            log.load({name: arrays[f"{part}.{name}"] for name in ("rows", "meta")})
        self._taken = np.array(arrays["taken"], np.int64)
        self.position, self._entered = (int(value) for value in arrays["clock"])
        self._waiting.clear()
