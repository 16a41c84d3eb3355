"""Tells identity columns that hold tokens of their kind alone, in one pass over their bytes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.compiled import compiled
from fraudstream_platform.contracts.text_rules import has_token_body
from fraudstream_platform.contracts.texts import Texts
from fraudstream_platform.protection.tokens import BODY_CHARACTERS, BODY_LENGTH, PREFIXES

_MOST_DIGITS = 12
"""`tokens.DIGIT_RUN` is one more."""
_ZERO, _NINE = ord("0"), ord("9")


@compiled
def _has_digit_run(data: NDArray[np.uint8], start: int, stop: int) -> bool:
    run = 0
    for place in range(start, stop):
        run = run + 1 if _ZERO <= data[place] <= _NINE else 0
        if run > _MOST_DIGITS:
            return True
    return False


@compiled
def _mark_clear(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    present: NDArray[np.bool_],
    columns: NDArray[np.int64],
    prefixes: NDArray[np.uint8],
    allowed: NDArray[np.bool_],
    clear: NDArray[np.bool_],
) -> None:
    for place in range(columns.shape[0]):
        column, first, second = columns[place], prefixes[place, 0], prefixes[place, 1]
        for row in range(clear.shape[0]):
            start, stop = offsets[column, row], offsets[column, row + 1]
            if start == stop or not present[column, row]:
                continue
            clear[row] |= (
                stop - start < 2
                or data[start] != first
                or data[start + 1] != second
                or not has_token_body(data, start + 2, stop, BODY_LENGTH, allowed)
                or _has_digit_run(data, start, stop)
            )


_ALLOWED = np.array([chr(code) in BODY_CHARACTERS for code in range(256)])


def mark_clear(texts: Texts, kinds: Mapping[str, str]) -> NDArray[np.bool_]:
    """Rows where some column of `kinds` (name -> kind) holds something else than a token of its kind.

    Nulls and empty texts are no identity.
    """
    columns = texts.places(list(kinds))
    prefixes = np.array([list(PREFIXES[kind].encode()) for kind in kinds.values()], np.uint8)
    clear = np.zeros(texts.rows, np.bool_)
    _mark_clear(texts.data, texts.offsets, texts.present, columns, prefixes, _ALLOWED, clear)
    return clear
