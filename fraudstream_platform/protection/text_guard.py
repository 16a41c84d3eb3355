"""Finds card numbers, e-mail addresses and telephone numbers hidden in free text columns.

A cheap screen over all columns at once, then an exact look at the few rows that it holds back. A
run of digits counts as a card number where a scheme could have issued it (13-19 digits starting
with 2 to 6, Luhn-valid); longer runs, such as retrieval reference + trace + acquirer, do not. A
value that is one hexadecimal id of 128, 160 or 256 bits is passed over: one in a thousand holds such
a run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
import polars as pl

from fraudstream_platform.contracts.schemas import IDENTITY_KINDS, transaction_schema
from fraudstream_platform.protection.normalise import luhn_valid

FREE_TEXT_COLUMNS: tuple[str, ...] = tuple(
    name
    for name, dtype in transaction_schema().items()
    if dtype == pl.String and name not in IDENTITY_KINDS
)
"""String columns of a transaction that hold no identity and so must not hide one."""

_SEPARATOR = "\x1f"
_SPACED = r"(?:[0-9] ?){13}"
_DASHED = r"(?:^|[^0-9-])[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{4}(?:$|[^0-9-])"
_MAIL = r"[^ @\x1f]@[A-Za-z0-9-]+\.[A-Za-z]"
_TELEPHONE = r"\+[0-9]{8,15}"
_SCREEN = f"{_SPACED}|{_DASHED}|{_MAIL}|{_TELEPHONE}"

_FIND_CONTACT = re.compile(f"{_MAIL}|{_TELEPHONE}")
_FIND_RUN = re.compile(r"(?<![0-9])[0-9](?: ?[0-9]){12,}")
_FIND_DASHED = re.compile(r"(?<![0-9-])[0-9]{4}(?:-[0-9]{4}){3}(?![0-9-])")
_HEX_ID = re.compile(r"(?=[0-9]*[a-f])[0-9a-f]+|(?=[0-9]*[A-F])[0-9A-F]+")
_HEX_ID_LENGTHS = frozenset({32, 40, 64})
_MIN_DIGITS, _MAX_DIGITS = 13, 19


@cache
def screened_text(columns: tuple[str, ...] = FREE_TEXT_COLUMNS) -> pl.Expr:
    """The text of `columns` in the rows that the screen holds back; null in all others."""
    text = pl.concat_str(columns, separator=_SEPARATOR, ignore_nulls=True)
    return pl.when(text.str.contains(_SCREEN)).then(text)


def unsafe_rows(screened: pl.Series) -> pl.Series:
    """Rows that hide a card number, an e-mail address or a telephone number.

    `screened` are the values of `screened_text`; the answer is a Boolean series.
    """
    unsafe = np.zeros(len(screened), np.bool_)
    if screened.null_count() < len(screened):
        for place, value in enumerate(screened.to_list()):
            unsafe[place] = value is not None and any(map(hides_identity, value.split(_SEPARATOR)))
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
