"""64-bit FNV-1a of string columns, straight from their Arrow buffers.

Stable over machines and library versions, so hashes may stand in snapshots. 0 means null (or
empty). Reference: Fowler, Noll, Vo, "The FNV Non-Cryptographic Hash Algorithm" (IETF draft).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fraudstream_platform.detection.compiled import compiled

FNV_BASIS = np.uint64(0xCBF29CE484222325)
FNV_PRIME = np.uint64(0x100000001B3)


def fnv1a(text: str) -> np.uint64:
    """The hash of one string, in plain Python."""
    value = int(FNV_BASIS)
    for byte in text.encode():
        value = ((value ^ byte) * int(FNV_PRIME)) & 0xFFFFFFFFFFFFFFFF
    return np.uint64(value or 1) if text else np.uint64(0)


@compiled
def _hash_strings(
    offsets: NDArray[np.int64], data: NDArray[np.uint8], out: NDArray[np.uint64]
) -> None:
    for row in range(out.shape[0]):
        value = FNV_BASIS
        for place in range(offsets[row], offsets[row + 1]):
            value = (value ^ np.uint64(data[place])) * FNV_PRIME
        if offsets[row] == offsets[row + 1]:
            value = np.uint64(0)
        elif value == 0:
            value = np.uint64(1)
        out[row] = value


def hash_columns(frame: pl.DataFrame, names: Sequence[str]) -> dict[str, NDArray[np.uint64]]:
    """Hash each named string column; a null hashes to 0."""
    table = frame[list(names)].rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    hashes: dict[str, NDArray[np.uint64]] = {}
    for name, column in zip(names, table.columns, strict=True):
        out = np.zeros(frame.height, dtype=np.uint64)
        if frame.height:
            array = column.chunk(0)
            start, stop = array.offset, array.offset + frame.height
            validity, offsets, data = array.buffers()
            bounds = np.frombuffer(offsets, dtype=np.int64)
            text = np.frombuffer(data if data is not None else b"", dtype=np.uint8)
            _hash_strings(bounds[start : stop + 1], text, out)
            if validity is not None:  # a null's place may hold another row's bytes
                bits = np.unpackbits(np.frombuffer(validity, np.uint8), bitorder="little")
                out[bits[start:stop] == 0] = 0
        hashes[name] = out
    return hashes
