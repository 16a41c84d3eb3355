"""Rows of a log of touches: where each value stands, and how rows are chained.

A ring of rows in the topic's order. Each of a row's two keys is chained to the row before it in the
same bucket, as matches are found in LZ77 compressors.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.compiled import compiled
from fraudstream_platform.detection.table import Arrays

MAX_ROWS = 1 << 20
"""Rows held at most."""
COUNTABLE = MAX_ROWS - (1 << 18)
"""Touches before a record that its counts reach: 10 min of up to 1,300 a second. The others are
held for records that lag behind the newest."""
SHORT_MS = 600_000
LATE_MS = 60_000
"""How long after its event a touch may reach the topic and still be counted at the window's end."""
SPREAD_MS = 300_000
"""How far apart, in append time, records may be that are stepped one after the other."""
START_ROWS = 1_024
BUCKETS = 1 << 18

# A row, int64: append and event time in ms; uint32: card, outcome, keys, distances back to the
# row before in the keys' buckets (0: none).
APPENDED, HAPPENED = 0, 1
CARD, OUTCOME, KEYS, BACKS = 4, 5, 6, 8
CELLS = 5
CHAINS = 2


@compiled
def link(rows: NDArray[np.int64], heads: NDArray[np.int64], number: int) -> None:
    """Chain row `number`, whose keys are in place."""
    words = rows[number & (rows.shape[0] - 1)].view(np.uint32)
    for chain in range(CHAINS):
        key = np.int64(words[KEYS + chain])
        back = 0
        if key != 0:
            bucket = key & (BUCKETS - 1)
            before = heads[chain, bucket]
            if before != 0 and number + 1 - before < rows.shape[0]:
                back = number + 1 - before
            heads[chain, bucket] = number + 1
        words[BACKS + chain] = back


@compiled
def append_rows(
    log: Arrays, start: int, keep_ms: int, appended: NDArray[np.int64], times: NDArray[np.int64],
    cards: NDArray[np.uint32], outcomes: NDArray[np.uint8], keys: NDArray[np.uint32],
) -> int:  # fmt: skip
    """Add touches from `start` on; stops where a row still needed would be overwritten."""
    rows, heads, meta = log
    for place in range(start, appended.shape[0]):
        if keys[0, place] == 0 and keys[1, place] == 0:
            continue
        number, moment = meta[0], appended[place]
        row = rows[number & (rows.shape[0] - 1)]
        is_needed = number >= rows.shape[0] and row[APPENDED] >= moment - keep_ms
        if is_needed and rows.shape[0] < MAX_ROWS:
            return place
        words = row.view(np.uint32)
        row[APPENDED], row[HAPPENED] = moment, times[place]
        words[CARD], words[OUTCOME] = cards[place], outcomes[place]
        for chain in range(CHAINS):
            words[KEYS + chain] = keys[chain, place]
        link(rows, heads, number)
        meta[0], meta[1] = number + 1, moment
    return appended.shape[0]  # type: ignore[no-any-return]


@compiled
def link_all(rows: NDArray[np.int64], heads: NDArray[np.int64], first: int, last: int) -> None:
    """Chain the rows `first` to `last` anew; `heads` are all zero."""
    for number in range(first, last):
        link(rows, heads, number)
