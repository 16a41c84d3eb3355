"""What a pattern sees: the features and flags of the rows of one step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.detection.catalogue import INTEGERS, REALS
from fraudstream_platform.detection.events import Events
from fraudstream_platform.detection.flags import ATTEMPT, CIT, PRESENT

Signal = NDArray[np.float64]

_INTEGER_AT: Mapping[str, int] = {f.name: column for column, f in enumerate(INTEGERS)}
_REAL_AT: Mapping[str, int] = {f.name: column for column, f in enumerate(REALS)}


class Reason(NamedTuple):
    """Why a pattern fired, for a person: stable code, sentence with numbers, and the values."""

    code: str
    text: str
    value: float
    usual: float | None
    window_s: int | None
    entity: str


@dataclass(frozen=True)
class Batch:
    """Rows of one step; `batch["card_n_1h"]` is that feature's column."""

    events: Events
    integers: NDArray[np.int64]
    reals: NDArray[np.float64]

    @cached_property
    def kept(self) -> dict[tuple[str, str], Any]:
        """What a family's signals were made of, by version of the rules: its reasons tell of it."""
        return {}

    def __getitem__(self, feature: str) -> NDArray[Any]:
        column = _INTEGER_AT.get(feature)
        if column is not None:
            return self.integers[:, column]
        return self.reals[:, _REAL_AT[feature]]

    def at(self, feature: str, row: int) -> float:
        """One value; NaN where it is unknown."""
        return float(self[feature][row])

    def has(self, flags: int) -> NDArray[np.bool_]:
        """Rows whose events have all of `flags`."""
        kept: NDArray[np.bool_] = (self.events.flags & flags) == flags
        return kept

    def any_of(self, flags: int) -> NDArray[np.bool_]:
        """Rows whose events have one of `flags` or more."""
        kept: NDArray[np.bool_] = (self.events.flags & flags) != 0
        return kept

    @cached_property
    def is_attempt(self) -> NDArray[np.bool_]:
        """Rows that are attempts of a customer: nothing merchant-initiated, nothing unanswered."""
        return self.has(ATTEMPT | CIT)

    @cached_property
    def is_remote(self) -> NDArray[np.bool_]:
        """Those without the card or its wallet at a terminal."""
        kept: NDArray[np.bool_] = self.events.flags & (ATTEMPT | CIT | PRESENT) == ATTEMPT | CIT
        return kept

    def higher(self, measure: str) -> NDArray[Any]:
        """The higher of card's and customer's."""
        highest: NDArray[Any] = np.fmax(self[f"card_{measure}"], self[f"customer_{measure}"])
        return highest

    def spread(self, rows: NDArray[np.intp], strengths: Signal) -> Signal:
        """The signal of all rows: `strengths` at `rows`, 0 elsewhere."""
        signal = np.zeros(self.rows)
        signal[rows] = strengths
        return signal

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.integers.shape[0])


def ramp(values: NDArray[Any], span: tuple[float, float]) -> Signal:
    """0 up to the first of `span`, 1 from the second on, straight in between; NaN counts as 0."""
    low, high = span
    share: Signal = np.fmin(np.fmax((values - low) / (high - low), 0.0), 1.0)
    return share


def major(minor: float) -> str:
    """Minor units as people read them (two decimals)."""
    return f"{minor / 100:,.2f}"
