"""64-bit FNV-1a of text columns.

Stable over machines and library versions, so hashes may stand in snapshots. 0 means null (or
empty).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.compiled import compiled
from fraudstream_platform.contracts.fnv import FNV_BASIS, FNV_PRIME, hash_bytes
from fraudstream_platform.contracts.texts import Texts


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
            value = hash_bytes(data, start, stop)
            out[place, row] = np.uint64(1) if value == 0 else value


def hash_texts(texts: Texts, names: Sequence[str]) -> dict[str, NDArray[np.uint64]]:
    """Hash each named column of `texts`; a null hashes to 0."""
    out = np.zeros((len(names), texts.rows), np.uint64)
    _hash_rows(texts.data, texts.offsets, texts.present, texts.places(names), out)
    return dict(zip(names, out, strict=True))
