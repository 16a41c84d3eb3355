"""64-bit FNV-1a of text columns.

Stable over machines and library versions, so hashes may stand in snapshots. 0 means null (or
empty). Reference: Fowler, Noll, Vo, "The FNV Non-Cryptographic Hash Algorithm" (IETF draft).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fraudstream_platform.compiled import compiled
from fraudstream_platform.contracts.texts import Texts

FNV_BASIS = np.uint64(0xCBF29CE484222325)
FNV_PRIME = np.uint64(0x100000001B3)


def fnv1a(text: str) -> np.uint64:
    """The hash of one string, in plain Python."""
    value = int(FNV_BASIS)
    for byte in text.encode():
        value = ((value ^ byte) * int(FNV_PRIME)) & 0xFFFFFFFFFFFFFFFF
    return np.uint64(value or 1) if text else np.uint64(0)


@compiled
def _hash_rows(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    present: NDArray[np.bool_],
    columns: NDArray[np.int64],
    out: NDArray[np.uint64],
) -> None:
    for place in range(columns.shape[0]):
        column = columns[place]
        for row in range(out.shape[1]):
            start, stop = offsets[column, row], offsets[column, row + 1]
            if start == stop or not present[column, row]:
                continue
            value = FNV_BASIS
            for byte in range(start, stop):
                value = (value ^ np.uint64(data[byte])) * FNV_PRIME
            out[place, row] = np.uint64(1) if value == 0 else value


def hash_texts(texts: Texts, names: Sequence[str]) -> dict[str, NDArray[np.uint64]]:
    """Hash each named column of `texts`; a null hashes to 0."""
    out = np.zeros((len(names), texts.rows), np.uint64)
    _hash_rows(texts.data, texts.offsets, texts.present, texts.places(names), out)
    return dict(zip(names, out, strict=True))


def hash_columns(frame: pl.DataFrame, names: Sequence[str]) -> dict[str, NDArray[np.uint64]]:
    """Hash each named string column; a null hashes to 0."""
    return hash_texts(Texts.of(frame, names), names)
