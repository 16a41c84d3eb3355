"""A sample of transactions with all their features: what baselines and the leak test learn from."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fraudstream_platform.detection.catalogue import INTEGERS, REALS
from fraudstream_platform.detection.rules import RULES
from fraudstream_platform.evaluate.formats import WIDTH, format_vector, stratum
from fraudstream_platform.simulator.places import MINOR_PER_EURO_CENT
from fraudstream_platform.simulator.stream import Batch
from fraudstream_platform.simulator.world.villains import QUIET_DAYS

FEATURE_NAMES = tuple(feature.name for feature in (*INTEGERS, *REALS))
ORDINARY_ROWS = 30_000
"""Ordinary rows that are kept of a world; each stands for as many as it takes."""
_CONTROLS_A_STEP = 20
"""Accounts drawn by lot in a step, whose histories are compared with victims'."""
_AGE = FEATURE_NAMES.index("event_account_age_d")
Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Sample:
    """Rows of the sample in order of arrival; the columns are of one length."""

    row: NDArray[np.int64]
    """Place among the world's transactions."""
    weight: NDArray[np.float64]
    """How many transactions the row stands for."""
    drawn: NDArray[np.bool_]
    """Drawn by lot among the rows of no attack, whatever its score."""
    score: NDArray[np.int32]
    """0 in rows that did not come to Silver."""
    cents: NDArray[np.float64]
    """What the transaction asked for, euro cents, whatever the answer."""
    features: Matrix
    """`FEATURE_NAMES`; NaN where unknown, and in rows that did not come to Silver."""
    formats: Matrix
    stratum: NDArray[np.int64]
    victims: dict[int, NDArray[np.float32]]
    """Row of an attack -> its account's features at its last transaction before any attack."""
    controls: Matrix
    """The same of accounts drawn by lot."""
    control_row: NDArray[np.int64]
    """The row before which each was drawn."""


def asked_cents(record: dict[str, Any]) -> float:
    """The amount in euro cents."""
    return float(record["amount_minor"] / MINOR_PER_EURO_CENT.get(record["currency"], 1.0))


class Sampler:
    """Takes every row of an attack, every row that the rules flag, and a share of the others."""

    def __init__(self, seed: int, expected_rows: int) -> None:
        self._rng = random.Random(seed)  # nosec B311
        self._share = min(1.0, ORDINARY_ROWS / max(1, expected_rows))
        self._parts: list[tuple[Any, ...]] = []
        self._last = np.full((1024, len(FEATURE_NAMES)), np.nan, np.float32)
        self._known: list[int] = []
        self._has = np.zeros(1024, np.bool_)
        self._victims: dict[int, NDArray[np.float32]] = {}
        self._controls: list[NDArray[np.float32]] = []
        self._control_rows: list[int] = []
        self._attacked: set[int] = set()

    def take(
        self,
        batch: Batch,
        records: list[dict[str, Any]],
        features: pl.DataFrame,
        silver: NDArray[np.int64],
        account: NDArray[np.int32],
        first_row: int,
    ) -> None:
        """Take from one step; `silver` are the places of `features` among the step's rows."""
        height = len(records)
        matrix = np.full((height, len(FEATURE_NAMES)), np.nan, np.float32)
        matrix[silver] = features.select(FEATURE_NAMES).to_numpy()
        score = np.zeros(height, np.int32)
        score[silver] = features.get_column("score").to_numpy()
        in_attack = np.array(batch.in_attack, np.bool_)
        lots = np.fromiter((self._rng.random() for _ in range(height)), np.float64, height)
        sure = in_attack | (score >= RULES.review_score)
        drawn = ~in_attack & (lots < self._share)
        (rows,) = np.nonzero(sure | drawn)
        kept = [records[row] for row in rows]
        self._parts.append(
            (
                rows + first_row,
                np.where(sure[rows], 1.0, 1.0 / self._share),
                drawn[rows],
                score[rows],
                np.array([asked_cents(record) for record in kept], np.float64),
                matrix[rows],
                np.array([format_vector(record) for record in kept], np.float32).reshape(-1, WIDTH),
                np.array([stratum(record) for record in kept], np.int64),
            )
        )
        has_customer = np.array([record["customer"] is not None for record in records], np.bool_)
        self._take_histories(matrix, in_attack, has_customer, account, first_row)

    def _take_histories(
        self, matrix: Matrix, in_attack: NDArray[np.bool_], has_customer: NDArray[np.bool_],
        account: NDArray[np.int32], first_row: int,
    ) -> None:  # fmt: skip
        """What was known before this step of those attacked in it, and of some others.

        The others could have been attacked too: they are customers (a mistyped number is nobody's
        card), and no longer new, since victims are attacked after their first two weeks.
        """
        self._make_room(int(account.max(initial=0)) + 1)
        for row in np.flatnonzero(in_attack).tolist():
            one = int(account[row])
            if self._has[one] and one not in self._attacked:
                self._victims[row + first_row] = self._last[one].copy()
        if self._known:
            for one in self._rng.choices(self._known, k=_CONTROLS_A_STEP):
                if one not in self._attacked and not self._last[one, _AGE] < QUIET_DAYS:
                    self._controls.append(self._last[one].copy())
                    self._control_rows.append(first_row)
        # Nobody is attacked twice where it can be helped: those attacked once are neither.
        self._attacked.update(account[in_attack].tolist())
        # The last row of each account: np.unique finds first places, so look from the end.
        own = np.flatnonzero(~in_attack & has_customer)[::-1]
        accounts, places = np.unique(account[own], return_index=True)
        self._known += accounts[~self._has[accounts]].tolist()
        self._last[accounts] = matrix[own[places]]
        self._has[accounts] = True

    def _make_room(self, accounts: int) -> None:
        more = accounts - self._has.shape[0]
        if more > 0:
            more = max(more, self._has.shape[0])
            self._last = np.pad(self._last, ((0, more), (0, 0)), constant_values=np.nan)
            self._has = np.pad(self._has, (0, more))

    def sample(self) -> Sample:
        """All that was taken."""
        row, weight, drawn, score, cents, features, formats, strata = (
            np.concatenate(column) for column in zip(*self._parts, strict=True)
        )
        controls = np.array(self._controls, np.float32).reshape(-1, len(FEATURE_NAMES))
        return Sample(
            row, weight, drawn, score, cents, features, formats, strata, self._victims, controls,
            np.array(self._control_rows, np.int64),
        )  # fmt: skip
