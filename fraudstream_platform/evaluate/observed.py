"""What is kept of a world: a few columns of every transaction, all alerts, the truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.evaluate.findings import DatedFinding
from fraudstream_platform.simulator.truth import Attack


class Numbers:
    """Numbers names as they come: 0, 1, 2, ...; nothing is -1."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._known)

    def of(self, name: str | None) -> int:
        """The number of a name, a new one for a new name."""
        return -1 if name is None else self._known.setdefault(name, len(self._known))

    def column(self, names: Iterable[str | None]) -> NDArray[np.int32]:
        """The numbers of a column of names."""
        return np.fromiter((self.of(name) for name in names), np.int32)

    def known(self, names: Iterable[str]) -> list[int]:
        """Numbers of those names that came."""
        return [self._known[name] for name in names if name in self._known]

    def names(self) -> list[str]:
        """All names, by number."""
        return list(self._known)


@dataclass(frozen=True)
class Rows:
    """Transactions in order of arrival, as columns of one length."""

    time_ms: NDArray[np.int64]
    cents: NDArray[np.float64]
    """Euro cents that were approved and spent; 0 for refusals, payments, refunds, verifications."""
    score: NDArray[np.int16]
    """0 where the row did not come to Silver."""
    account: NDArray[np.int32]
    """Number of the customer, else of the card."""
    card: NDArray[np.int32]
    merchant: NDArray[np.int32]
    case: NDArray[np.int32]
    """Number of the case that the row belongs to, repeats included; -1 where there is none."""

    @property
    def count(self) -> int:
        """How many."""
        return int(self.time_ms.shape[0])


class Raised(NamedTuple):
    """One alert as it stands on the alert topic."""

    row: int
    case: int
    patterns: tuple[str, ...]
    on_account: bool
    """Whether it bothers a cardholder: its case is not a merchant's, a device's, a network's or a
    BIN's."""


@dataclass(frozen=True)
class Told:
    """A look-alike as the simulator tells it, its account numbered."""

    kind: str
    account: int
    at_ms: int


@dataclass
class Truth:
    """What the simulator knows, in the rows' numbers."""

    attacks: list[Attack] = field(default_factory=list)
    rows: list[NDArray[np.int64]] = field(default_factory=list)
    """Rows of each attack's fraudulent transactions, in order."""
    look_alikes: list[Told] = field(default_factory=list)


@dataclass(frozen=True)
class Observed:
    """All of one world."""

    rows: Rows
    raised: list[Raised]
    truth: Truth
    findings: list[DatedFinding]
    refreshes: list[int]
    """Epoch ms of event time at which Silver was searched for groups, ascending."""
    accounts: Numbers
    merchants: Numbers
