"""Rules of text columns, judged in one pass over their bytes.

Three forms of rule cover nearly all: one of some words, a run of some characters, a token. Each is
read off the check that states it, so the check stays the only place where it is said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.compiled import compiled
from fraudstream_platform.contracts.fnv import hash_bytes
from fraudstream_platform.contracts.texts import Texts

_WORDS, _RUN, _TOKEN = 1, 2, 3
_RUN_PATTERN = re.compile(r"\^\[(?P<set>[^\[\]]+)\]\{(?P<low>[0-9]+)(?:,(?P<high>[0-9]+))?\}\$")
_TOKEN_PATTERN = re.compile(
    r"\^\((?P<kinds>[a-z]{2}(?:\|[a-z]{2})*)\)\[0-9\]\+_\[(?P<set>[^\[\]]+)\]\{(?P<length>[0-9]+)\}\$"
)
_ZERO, _NINE, _LOW_LINE = ord("0"), ord("9"), ord("_")


@compiled
def _place_of(data: NDArray[np.uint8], start: int, stop: int, slots: int) -> int:
    value = hash_bytes(data, start, stop)
    value ^= value >> np.uint64(29)
    return np.int64(value % np.uint64(slots))  # type: ignore[return-value]  # to numba an int


@compiled
def _is_word(
    data: NDArray[np.uint8],
    start: int,
    stop: int,
    slots: NDArray[np.int64],
    words: NDArray[np.uint8],
    bounds: NDArray[np.int64],
) -> bool:
    place = _place_of(data, start, stop, slots.shape[0])
    while slots[place] >= 0:
        first, last = bounds[slots[place]], bounds[slots[place] + 1]
        if last - first == stop - start:
            same = True
            for step in range(stop - start):
                if data[start + step] != words[first + step]:
                    same = False
                    break
            if same:
                return True
        place = (place + 1) % slots.shape[0]
    return False


@compiled
def _is_run(
    data: NDArray[np.uint8],
    start: int,
    stop: int,
    low: int,
    high: int,
    allowed: NDArray[np.bool_],
) -> bool:
    if stop - start < low or stop - start > high:
        return False
    for place in range(start, stop):  # noqa: SIM110 (numba compiles no generator expression)
        if not allowed[data[place]]:
            return False
    return True


@compiled
def has_token_body(
    data: NDArray[np.uint8], start: int, stop: int, length: int, allowed: NDArray[np.bool_]
) -> bool:
    """Whether what follows a token's kind is digits, `_` and `length` characters."""
    place = start
    while place < stop and _ZERO <= data[place] <= _NINE:
        place += 1
    if place in (start, stop) or data[place] != _LOW_LINE:
        return False
    return _is_run(data, place + 1, stop, length, length, allowed)


@compiled
def _is_token(
    data: NDArray[np.uint8],
    start: int,
    stop: int,
    length: int,
    kinds: NDArray[np.bool_],
    allowed: NDArray[np.bool_],
) -> bool:
    if stop - start < 2 or not kinds[256 * data[start] + data[start + 1]]:
        return False
    return has_token_body(data, start + 2, stop, length, allowed)


class _Tables(NamedTuple):
    """What the kernel takes between the texts and the answer."""

    forms: NDArray[np.int64]
    """A row for each column: form, least and greatest length, first and last slot."""
    allowed: NDArray[np.bool_]
    kinds: NDArray[np.bool_]
    slots: NDArray[np.int64]
    words: NDArray[np.uint8]
    bounds: NDArray[np.int64]


@compiled
def _break(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    present: NDArray[np.bool_],
    columns: NDArray[np.int64],
    tables: _Tables,
    broken: NDArray[np.bool_],
) -> int:
    """Mark the values of `columns` that break their column's rule; returns how many do."""
    forms, allowed, kinds, slots, words, bounds = tables
    found = 0
    for rule in range(forms.shape[0]):
        form, low, high, first, last = forms[rule]
        if form == 0:
            continue
        column = columns[rule]
        for row in range(present.shape[1]):
            if not present[column, row]:
                continue
            start, stop = offsets[column, row], offsets[column, row + 1]
            if form == _WORDS:
                kept = _is_word(data, start, stop, slots[first:last], words, bounds)
            elif form == _RUN:
                kept = _is_run(data, start, stop, low, high, allowed[rule])
            else:
                kept = _is_token(data, start, stop, low, kinds, allowed[rule])
            if not kept:
                broken[rule, row] = True
                found += 1
    return found


@dataclass(frozen=True)
class TextRules:
    """The rules of text columns `names`, in their order."""

    names: tuple[str, ...]
    rules: tuple[str | None, ...]
    """The name of each column's rule; None where it has none of these forms."""
    tables: _Tables

    @staticmethod
    def read(names: Sequence[str], checks: Mapping[str, Any]) -> TextRules:
        """Read the rules off Pandera `checks` by column; those of another form are left out."""
        reading = _Reading(len(names))
        read = [
            name in checks and reading.read(place, checks[name].name, checks[name].statistics)
            for place, name in enumerate(names)
        ]
        rules = [
            checks[name].error if is_read else None
            for name, is_read in zip(names, read, strict=True)
        ]
        return TextRules(tuple(names), tuple(rules), reading.tables())

    def broken(self, texts: Texts) -> dict[str, list[int]]:
        """Rule -> rows that break it, for the rules that some row of `texts` breaks."""
        broken = np.zeros((len(self.names), texts.rows), np.bool_)
        columns = texts.places(self.names)
        if not _break(texts.data, texts.offsets, texts.present, columns, self.tables, broken):
            return {}
        return {
            str(self.rules[place]): np.flatnonzero(broken[place]).tolist()
            for place in np.flatnonzero(broken.any(axis=1)).tolist()
        }


class _Reading:
    """Tables of the kernel, as they are filled column by column."""

    def __init__(self, columns: int) -> None:
        self._forms = np.zeros((columns, 5), np.int64)
        self._allowed = np.zeros((columns, 256), np.bool_)
        self._kinds = np.zeros(1 << 16, np.bool_)
        self._token: str | None = None
        self._slots: list[int] = []
        self._words: list[bytes] = []

    def read(self, column: int, check: str, statistics: Mapping[str, Any]) -> bool:
        """Whether the check has one of the forms; notes it."""
        if check == "isin":
            self._note_words(column, [word.encode() for word in statistics["allowed_values"]])
            return True
        if check != "str_matches":
            return False
        if (run := _RUN_PATTERN.fullmatch(statistics["pattern"])) is not None:
            low, high = int(run["low"]), int(run["high"] or run["low"])
            self._note(column, _RUN, low, high, run["set"])
            return True
        token = _TOKEN_PATTERN.fullmatch(statistics["pattern"])
        if token is not None and self._token in (None, token[0]):  # all columns share its kinds
            self._token, length = token[0], int(token["length"])
            self._note(column, _TOKEN, length, length, token["set"])
            for kind in token["kinds"].split("|"):
                first, second = kind.encode()
                self._kinds[256 * first + second] = True
            return True
        return False

    def _note(self, column: int, form: int, low: int, high: int, characters: str) -> None:
        self._forms[column, :3] = form, low, high
        one = re.compile(f"[{characters}]", re.ASCII)
        self._allowed[column, :128] = [one.fullmatch(chr(code)) is not None for code in range(128)]

    def _note_words(self, column: int, words: Sequence[bytes]) -> None:
        slots = [-1] * (1 << (2 * len(words)).bit_length())
        for word in words:
            place = _place_of(np.frombuffer(word, np.uint8), 0, len(word), len(slots))
            while slots[place] >= 0:
                place = (place + 1) % len(slots)
            slots[place] = len(self._words)
            self._words.append(word)
        self._forms[column] = _WORDS, 0, 0, len(self._slots), len(self._slots) + len(slots)
        self._slots += slots

    def tables(self) -> _Tables:
        """All that was noted."""
        bounds = np.cumsum([0, *map(len, self._words)], dtype=np.int64)
        words = np.frombuffer(b"".join(self._words), np.uint8)
        slots = np.array(self._slots, np.int64)
        return _Tables(self._forms, self._allowed, self._kinds, slots, words, bounds)
