"""Finds card numbers, e-mail addresses and telephone numbers hidden in free text columns.

A pass over the bytes of all columns, then an exact look at the few rows that it holds back. A
run of digits counts as a card number where a scheme could have issued it (13-19 digits starting
with 2 to 6, Luhn-valid); longer runs, such as retrieval reference + trace + acquirer, do not. A
value that is one hexadecimal id of 128, 160 or 256 bits is passed over: one in a thousand holds such
a run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fraudstream_platform.compiled import compiled
from fraudstream_platform.contracts.schemas import IDENTITY_KINDS, transaction_schema
from fraudstream_platform.contracts.texts import Texts
from fraudstream_platform.protection.normalise import luhn_valid

FREE_TEXT_COLUMNS: tuple[str, ...] = tuple(
    name
    for name, dtype in transaction_schema().items()
    if dtype == pl.String and name not in IDENTITY_KINDS
)
"""String columns of a transaction that hold no identity and so must not hide one."""

_MAIL = r"[^ @]@[A-Za-z0-9-]+\.[A-Za-z]"
_TELEPHONE = r"\+[0-9]{8,15}"
_FIND_CONTACT = re.compile(f"{_MAIL}|{_TELEPHONE}")
_FIND_RUN = re.compile(r"(?<![0-9])[0-9](?: ?[0-9]){12,}")
_FIND_DASHED = re.compile(r"(?<![0-9-])[0-9]{4}(?:-[0-9]{4}){3}(?![0-9-])")
_HEX_ID = re.compile(r"(?=[0-9]*[a-f])[0-9a-f]+|(?=[0-9]*[A-F])[0-9A-F]+")
_HEX_ID_LENGTHS = frozenset({32, 40, 64})
_MIN_DIGITS, _MAX_DIGITS = 13, 19
_TELEPHONE_DIGITS = 8
_ZERO, _NINE, _AT, _PLUS, _SPACE, _DASH = b"09@+ -"


@compiled
def _mark_doubtful(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    present: NDArray[np.bool_],
    columns: NDArray[np.int64],
    doubtful: NDArray[np.bool_],
) -> None:
    """Mark rows with an @, 8 digits after a +, 13 digits with single spaces between, or 4-4-4-4."""
    for column in columns:
        for row in range(doubtful.shape[0]):
            if not present[column, row]:
                continue
            run = group = groups = 0
            is_number = False
            for place in range(offsets[column, row], offsets[column, row + 1]):
                byte = data[place]
                if _ZERO <= byte <= _NINE:
                    run += 1
                    group += 1
                    if run >= _MIN_DIGITS or (groups == 3 and group == 4):
                        doubtful[row] = True
                    if is_number and group >= _TELEPHONE_DIGITS:
                        doubtful[row] = True
                    continue
                if byte == _AT:
                    doubtful[row] = True
                if byte != _SPACE or group == 0:
                    run = 0
                groups = groups + 1 if byte == _DASH and group == 4 else 0
                is_number = byte == _PLUS
                group = 0


def unsafe_rows(texts: Texts, columns: Sequence[str] = FREE_TEXT_COLUMNS) -> pl.Series:
    """Rows that hide a card number, an e-mail address or a telephone number in one of `columns`."""
    places = texts.places(columns)
    unsafe = np.zeros(texts.rows, np.bool_)
    _mark_doubtful(texts.data, texts.offsets, texts.present, places, unsafe)
    for row in np.flatnonzero(unsafe).tolist():
        unsafe[row] = any(hides_identity(texts.value(place, row)) for place in places)
    return pl.Series("unsafe", unsafe)


def hides_identity(text: str) -> bool:
    """Whether the text of one column holds an e-mail address, a telephone number or a card number."""
    if len(text) in _HEX_ID_LENGTHS and _HEX_ID.fullmatch(text):
        return False
    if _FIND_CONTACT.search(text):
        return True
    if any(_is_card(match.group().replace("-", "")) for match in _FIND_DASHED.finditer(text)):
        return True
    return any(_run_hides_card(match.group().split(" ")) for match in _FIND_RUN.finditer(text))


def _run_hides_card(groups: Sequence[str]) -> bool:
    """Whether neighbouring groups of digits, such as `12 4000 1234 ...`, join to a card number."""
    return any(_is_card(joined) for joined in _joined(groups))


def _joined(groups: Sequence[str]) -> Iterable[str]:
    for start in range(len(groups)):
        digits = ""
        for group in groups[start:]:
            digits += group
            if len(digits) > _MAX_DIGITS:
                break
            yield digits


def _is_card(digits: str) -> bool:
    issued = _MIN_DIGITS <= len(digits) <= _MAX_DIGITS and "2" <= digits[0] <= "6"
    return issued and luhn_valid(digits)
