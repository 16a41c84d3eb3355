"""Times within encoded records, written in place for a whole block of records at once.

Avro writes a timestamp of 1971 to 2039 (epoch ms) as six bytes of seven bits each, lowest first, of twice
its value. So another such time fits in the same place.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]
"""Where in the bytes each time begins."""

SIZE = 6
_PLACES = np.arange(SIZE)
_SHIFTS = (7 * _PLACES).astype(np.uint64)
_MORE = np.array([0x80] * (SIZE - 1) + [0], np.uint8)
"""All bytes but the last say that another follows."""
_LOW, _HIGH = 1 << (7 * (SIZE - 1)), 1 << (7 * SIZE)


def read(data: Bytes, places: Places) -> NDArray[np.int64]:
    """The times at `places`, epoch ms."""
    bits = (data[places[:, None] + _PLACES] & 0x7F).astype(np.uint64) << _SHIFTS
    doubled = np.bitwise_or.reduce(bits, axis=1)
    return np.asarray(doubled // 2, np.int64)


def write(data: Bytes, places: Places, times_ms: NDArray[np.int64]) -> None:
    """Put `times_ms` in the places; raises ValueError where one does not fit."""
    doubled = 2 * times_ms
    if doubled.size and not (doubled.min() >= _LOW and doubled.max() < _HIGH):
        raise ValueError("a time takes other than six bytes")
    bits = doubled.astype(np.uint64)[:, None] >> _SHIFTS
    data[places[:, None] + _PLACES] = (bits.astype(np.uint8) & 0x7F) | _MORE


def shift(data: Bytes, places: Places, by_ms: int) -> None:
    """Add `by_ms` to the times at `places`."""
    write(data, places, read(data, places) + by_ms)
