"""64-bit FNV-1a of a value's bytes, for kernels.

Reference: Fowler, Noll, Vo, "The FNV Non-Cryptographic Hash Algorithm" (IETF draft).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.compiled import compiled

FNV_BASIS = np.uint64(0xCBF29CE484222325)
FNV_PRIME = np.uint64(0x100000001B3)


@compiled
def hash_bytes(data: NDArray[np.uint8], start: int, stop: int) -> np.uint64:
    """The hash of `data[start:stop]`."""
    value = FNV_BASIS
    for place in range(start, stop):
        value = (value ^ np.uint64(data[place])) * FNV_PRIME
    return value
