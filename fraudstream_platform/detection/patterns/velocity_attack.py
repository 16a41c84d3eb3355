"""Velocity attack: far more attempts than this card or customer ever makes, and money with them.

Counts are judged against the entity's own rate by a negative binomial tail, since people are
burstier than Poisson. A market day is as quick, but moves small change: amounts have to be the usual
ones at least, unless the count alone is beyond all custom. Whoever shops for presents walks from shop
to shop: at terminals the longer window is shorter than online. Merchant-initiated transactions are
not counted.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.detection.batch import Batch, Reason, Signal, major, ramp
from fraudstream_platform.detection.parameters import Span
from fraudstream_platform.detection.patterns.base import ACCOUNTS, graded
from fraudstream_platform.detection.rules import RuleSet


class _Window(NamedTuple):
    account: str
    suffix: str
    seconds: int
    code: str


_WINDOWS = tuple(
    _Window(account, *window)
    for window in (("10m", 600, "VA01"), ("40m", 2400, "VA02"), ("1h", 3600, "VA02"))
    for account in ACCOUNTS
)


class VelocityAttack:
    """Attempts of ten minutes, or of 40 at terminals and an hour online, this one included."""

    family = "velocity"

    def signal(self, batch: Batch, rules: RuleSet) -> Signal:
        """The most surprising window of card and customer."""
        velocity = rules.velocity_attack
        fewest = min(velocity.attempts_10m[0], velocity.attempts_1h[0])
        rows = np.flatnonzero((batch.higher("n_1h") + 1 >= fewest) & batch.is_attempt)
        if rows.shape[0] == 0:
            return np.zeros(batch.rows)
        found = [self._of(window, batch, rows, rules) for window in _WINDOWS]
        return batch.spread(rows, np.maximum.reduce(found))

    def _of(self, window: _Window, batch: Batch, rows: NDArray[np.intp], rules: RuleSet) -> Signal:
        velocity = rules.velocity_attack
        account, short = window.account, window.suffix == "10m"
        span: Span = velocity.attempts_10m if short else velocity.attempts_1h
        attempts = batch[f"{account}_n_{window.suffix}"][rows] + 1
        tail = batch[f"{account}_velocity_tail_{'10m' if short else '1h'}"][rows]
        enough = (attempts >= span[0]) & (tail >= velocity.surprise[0])
        enough &= self._serious(account, batch, rows, rules) | (attempts >= span[1])
        if window.suffix == "1h":
            enough &= batch.is_remote[rows]
        evidence = 0.65 * ramp(tail, velocity.surprise) + 0.35 * ramp(attempts, span)
        return graded(enough, evidence, velocity)

    def _serious(
        self, account: str, batch: Batch, rows: NDArray[np.intp], rules: RuleSet
    ) -> NDArray[np.bool_]:
        """Several merchants, and amounts of the hour at least a share of the usual ones."""
        velocity = rules.velocity_attack

        def of(measure: str) -> NDArray[np.int64]:
            return batch[f"{account}_{measure}"][rows]

        # sum / attempts >= share * usual sum / usual attempts, without dividing by 0
        mean = (of("sum_1h") + batch.events.amount[rows]) * of("n_30d").astype(np.float64)
        usual = velocity.amount_share * of("sum_30d") * (of("n_1h") + 1.0)
        # What was refused would have been spent.
        refused = of("declines_1h") >= velocity.declines
        serious: NDArray[np.bool_] = (mean >= usual) | refused
        return serious & (of("merchants_1h") >= velocity.merchants)

    def reasons(self, batch: Batch, row: int, rules: RuleSet) -> list[Reason]:
        """VA01: attempts of ten minutes; VA02: of 40 minutes or an hour."""
        rows = np.array([row])
        window = max(_WINDOWS, key=lambda one: self._of(one, batch, rows, rules)[0])
        per_hour = batch.at(f"{window.account}_expected_per_hour", row)
        attempts = batch.at(f"{window.account}_n_{window.suffix}", row) + 1
        spent = batch.at(f"{window.account}_sum_1h", row)
        text = (
            f"{attempts:.0f} attempts in {window.seconds // 60} min on one {window.account}, "
            f"{major(spent)} approved in the hour before this one; usual: {24 * per_hour:.1f} "
            "attempts a day"
        )
        usual = per_hour * window.seconds / 3600
        return [Reason(window.code, text, attempts, usual, window.seconds, window.account)]
