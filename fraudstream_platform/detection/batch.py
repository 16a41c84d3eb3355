"""What a pattern sees: the features and flags of the rows of one step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.detection.catalogue import INTEGERS, REALS
from fraudstream_platform.detection.events import Events

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

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.integers.shape[0])


def ramp(values: NDArray[Any], low: float, high: float) -> Signal:
    """0 at `low` and below, 1 at `high` and above, straight in between; NaN counts as 0."""
    share = np.clip((values - low) / (high - low), 0.0, 1.0)
    return np.where(np.isnan(share), 0.0, share)


def major(minor: float) -> str:
    """Minor units as people read them (two decimals)."""
    return f"{minor / 100:,.2f}"
