"""Text columns of a frame as bytes in one piece, which a kernel can take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fraudstream_platform.compiled import compiled


@compiled
def _mark_equal(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    present: NDArray[np.bool_],
    one: int,
    others: NDArray[np.int64],
    equal: NDArray[np.bool_],
) -> None:
    for row in range(equal.shape[0]):
        if not present[one, row]:
            continue
        start, stop = offsets[one, row], offsets[one, row + 1]
        for other in others:
            if present[other, row]:
                shift = offsets[other, row] - start
                same = offsets[other, row + 1] - stop == shift
                place = start
                while same and place < stop:
                    same = data[place] == data[place + shift]
                    place += 1
                equal[row] = same
                break


@dataclass(frozen=True)
class Texts:
    """Values of text columns, UTF-8: `data[offsets[column, row]:offsets[column, row + 1]]`."""

    names: tuple[str, ...]
    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    """Columns x (rows + 1)."""
    present: NDArray[np.bool_]
    """Columns x rows; false where the value is null."""

    @property
    def rows(self) -> int:
        """Rows of the frame."""
        return int(self.present.shape[1])

    def places(self, names: Sequence[str]) -> NDArray[np.int64]:
        """Where the columns `names` stand."""
        return _places(self.names, tuple(names))

    def equals_first(self, name: str, others: Sequence[str]) -> NDArray[np.bool_]:
        """Rows whose value of `name` is that of the first of `others` that is not null."""
        equal = np.zeros(self.rows, np.bool_)
        one, wanted = int(self.places([name])[0]), self.places(others)
        _mark_equal(self.data, self.offsets, self.present, one, wanted, equal)
        return equal

    def value(self, column: int, row: int) -> str:
        """One value; empty where it is null."""
        if not self.present[column, row]:
            return ""
        start, stop = self.offsets[column, row : row + 2]
        return self.data[start:stop].tobytes().decode()

    @staticmethod
    def of(frame: pl.DataFrame, names: Sequence[str] | None = None) -> Texts:
        """The text columns `names` of `frame`; all of them by default."""
        if names is None:
            names = [name for name, dtype in frame.schema.items() if dtype == pl.String]
        height = frame.height
        offsets = np.zeros((len(names), height + 1), np.int64)
        present = np.ones((len(names), height), np.bool_)
        pieces: list[memoryview] = []
        length = 0
        chosen = frame[list(names)]
        whole = chosen if chosen.n_chunks() == 1 else chosen.rechunk()
        table = whole.to_arrow(compat_level=pl.CompatLevel.oldest())
        for place, column in enumerate(table.columns if height else ()):
            array = column.chunk(0)
            nulls, start = array.null_count, array.offset
            if nulls == height:
                offsets[place], present[place] = length, False
                continue
            validity, bounds, data = array.buffers()
            ends = np.frombuffer(bounds, np.int64)[start : start + height + 1]
            if nulls:
                bits = np.unpackbits(np.frombuffer(validity, np.uint8), bitorder="little")
                present[place] = bits[start : start + height]
            np.add(ends, length - ends[0], out=offsets[place])
            if data is not None:
                pieces.append(memoryview(data)[ends[0] : ends[-1]])
                length += int(ends[-1] - ends[0])
        return Texts(tuple(names), np.frombuffer(b"".join(pieces), np.uint8), offsets, present)


@cache
def _places(names: tuple[str, ...], wanted: tuple[str, ...]) -> NDArray[np.int64]:
    return np.array([names.index(name) for name in wanted], np.int64)
