"""Velocity attack: far more attempts than this card or customer ever makes, and money with them.

Counts are judged against the entity's own rate by a negative binomial tail, since people are
burstier than Poisson. A market day is as quick, but moves small change: amounts have to be the usual
ones at least, unless the count alone is beyond all custom. Whoever shops for presents walks from shop
to shop, most of them known: at terminals the longer window is shorter than online, and a thief is one
who goes where the customer does not. Merchant-initiated transactions are not counted.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.detection.batch import Batch, Reason, Signal, major, ramp
from fraudstream_platform.detection.flags import FUEL, SMALL
from fraudstream_platform.detection.parameters import Span
from fraudstream_platform.detection.patterns.base import ACCOUNTS, graded
from fraudstream_platform.detection.rules import RuleSet


class _Window(NamedTuple):
    account: str
    counted: str
    tail: str
    seconds: int
    code: str


_WINDOWS = tuple(
    _Window(account, *window)
    for window in (
        ("n_10m", "velocity_tail_10m", 600, "VA01"),
        ("purchases_40m", "velocity_tail_1h", 2400, "VA02"),
        ("n_1h", "velocity_tail_1h", 3600, "VA03"),
    )
    for account in ACCOUNTS
)


class VelocityAttack:
    """Attempts of ten minutes, or of 40 at terminals and an hour online, this one included."""

    family = "velocity"

    def signal(self, batch: Batch, rules: RuleSet) -> Signal:
        """The most surprising window of card and customer."""
        velocity = rules.velocity_attack
        fewest = min(velocity.attempts_10m[0], velocity.attempts_1h[0])
        quick = (batch.higher("n_1h") + 1 >= fewest) & (
            np.fmax(batch.higher("velocity_tail_10m"), batch.higher("velocity_tail_1h"))
            >= velocity.strange_surprise
        )
        rows = np.flatnonzero(quick & batch.is_attempt)
        if rows.shape[0] == 0:
            return np.zeros(batch.rows)
        found = np.stack([self._of(window, batch, rows, rules) for window in _WINDOWS])
        batch.kept[self.family, rules.version] = rows, found
        return batch.spread(rows, found.max(axis=0))

    def _of(self, window: _Window, batch: Batch, rows: NDArray[np.intp], rules: RuleSet) -> Signal:
        velocity, account = rules.velocity_attack, window.account
        span: Span = velocity.attempts_1h if window.seconds > 600 else velocity.attempts_10m
        attempts = batch[f"{account}_{window.counted}"][rows] + 1
        tail = batch[f"{account}_{window.tail}"][rows]
        enough = (attempts >= span[0]) & (tail >= velocity.strange_surprise)
        surprising = tail >= velocity.surprise[0]
        remote = batch.is_remote[rows]
        share = velocity.tour_amount_share if window.code == "VA02" else velocity.amount_share
        serious = self._serious(account, batch, rows, rules, share)
        if window.code == "VA01":  # so quick that an account without any custom is judged too
            _, before = self._usual(account, batch, rows)
            serious |= (before < velocity.history) & self._several(account, batch, rows, rules)
            serious &= remote | self._tour(account, batch, rows)
        elif window.code == "VA02":
            spent = batch[f"{account}_sum_1h"][rows] + batch.events.amount[rows]
            new = batch["customer_new_merchants_1h"][rows]
            serious &= self._tour(account, batch, rows) & (new >= velocity.new_merchants)
            serious &= spent >= velocity.spent_minor  # little money is a market day
            enough &= ~remote
        elif window.code == "VA03":
            serious &= attempts >= velocity.known_device_1h
            enough &= remote
        strange = remote & self._strange(account, batch, rows, rules)
        enough &= strange | (surprising & (serious | (attempts >= span[1])))
        evidence = 0.65 * ramp(tail, velocity.surprise) + 0.35 * ramp(attempts, span)
        return graded(enough, evidence, velocity)

    def _tour(self, account: str, batch: Batch, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        """At terminals: one purchase after the other, no snack, no fuel."""
        purchases = batch[f"{account}_purchases_40m"][rows]
        tour: NDArray[np.bool_] = (purchases == batch[f"{account}_n_1h"][rows]) & (
            (batch.events.flags[rows] & (SMALL | FUEL)) == 0
        )
        return tour

    def _serious(
        self, account: str, batch: Batch, rows: NDArray[np.intp], rules: RuleSet, share: float
    ) -> NDArray[np.bool_]:
        """Several merchants, and amounts of the hour alike and not far below the usual ones.

        The highest amount is left out of the mean: one dear purchase after a row of snacks is life.
        The usual amounts are those before the hour; some history of them is needed.
        """
        velocity = rules.velocity_attack

        def of(measure: str) -> NDArray[np.int64]:
            return batch[f"{account}_{measure}"][rows]

        amount = batch.events.amount[rows]
        highest = np.maximum(of("max_approved_1h"), amount)
        spent = of("sum_1h") + amount - highest
        approved = np.maximum(1, of("n_1h") - of("declines_1h"))
        usual, before = self._usual(account, batch, rows)
        serious: NDArray[np.bool_] = (
            (spent >= share * usual * approved)
            & (velocity.highest_by_mean * spent >= highest * approved)
            & (before >= velocity.history)
            & self._several(account, batch, rows, rules)
        )
        return serious

    def _several(
        self, account: str, batch: Batch, rows: NDArray[np.intp], rules: RuleSet
    ) -> NDArray[np.bool_]:
        merchants, attempts = batch[f"{account}_merchants_1h"], batch[f"{account}_n_1h"]
        several: NDArray[np.bool_] = merchants[rows] >= rules.velocity_attack.merchant_share * (
            attempts[rows] + 1
        )
        return several

    def _strange(
        self, account: str, batch: Batch, rows: NDArray[np.intp], rules: RuleSet
    ) -> NDArray[np.bool_]:
        """Online from a device and a network that the customer never used, and no small change."""
        velocity = rules.velocity_attack
        spent = batch[f"{account}_sum_1h"][rows] + batch.events.amount[rows]
        usual, before = self._usual(account, batch, rows)
        attempts = batch[f"{account}_n_1h"][rows] + 1
        strange: NDArray[np.bool_] = (
            (batch["customer_new_device"][rows] > 0.5)
            & (batch["customer_new_ip_net"][rows] > 0.5)
            & (
                (before < velocity.history)
                | (spent >= velocity.strange_amount_share * usual * attempts)
            )
        )
        return strange & self._several(account, batch, rows, rules)

    def _usual(
        self, account: str, batch: Batch, rows: NDArray[np.intp]
    ) -> tuple[Signal, NDArray[np.int64]]:
        """Mean amount of 30 days without the last hour, and of how many attempts."""
        before = batch[f"{account}_n_30d"][rows] - batch[f"{account}_n_1h"][rows]
        spent = batch[f"{account}_sum_30d"][rows] - batch[f"{account}_sum_1h"][rows]
        return spent / np.maximum(1, before), before

    def reasons(self, batch: Batch, row: int, rules: RuleSet) -> list[Reason]:
        """VA01: attempts of ten minutes; VA02: purchases of 40; VA03: attempts of an hour."""
        window = self._strongest(batch, row, rules)
        per_hour = batch.at(f"{window.account}_expected_per_hour", row)
        attempts = batch.at(f"{window.account}_{window.counted}", row) + 1
        spent = batch.at(f"{window.account}_sum_1h", row)
        text = (
            f"{attempts:.0f} {'purchases' if window.code == 'VA02' else 'attempts'} in "
            f"{window.seconds // 60} min on one {window.account}, "
            f"{major(spent)} approved in the hour before this one; usual: {24 * per_hour:.1f} "
            "attempts a day"
        )
        usual = per_hour * window.seconds / 3600
        return [Reason(window.code, text, attempts, usual, window.seconds, window.account)]

    def _strongest(self, batch: Batch, row: int, rules: RuleSet) -> _Window:
        """The window that gave a row its signal, the first of several."""
        rows, found = batch.kept[self.family, rules.version]
        return _WINDOWS[int(found[:, np.searchsorted(rows, row)].argmax())]
