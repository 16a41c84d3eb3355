"""The figures of one world: small enough to hand from process to process, and to add up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.evaluate.findings import is_about
from fraudstream_platform.evaluate.metrics.accounts import (
    DAY_MS,
    Bothered,
    Episode,
    Span,
    account_days,
    attacked_days,
    bothered,
    look_alikes,
)
from fraudstream_platform.evaluate.metrics.cards import DayPrecision, card_precision
from fraudstream_platform.evaluate.metrics.cases import CaseCounts, count_cases
from fraudstream_platform.evaluate.metrics.course import Course
from fraudstream_platform.evaluate.metrics.scores import TOP_SCORE
from fraudstream_platform.evaluate.observed import Observed, Raised, Rows
from fraudstream_platform.evaluate.sampling import Sample
from fraudstream_platform.evaluate.worlds import World


@dataclass(frozen=True)
class Figures:
    """What one world showed once it was warm; counts are of the counted period."""

    world: str
    seed: int
    is_main: bool
    change: str
    transactions: int
    fraudulent: int
    days: float
    alerts: int
    courses: list[Course]
    attack_rows: list[NDArray[np.int64]]
    """Rows of each course's transactions, as the sample counts them."""
    cases: CaseCounts
    bothered: Bothered
    look_alikes: dict[str, tuple[int, int]]
    fraud_by_score: NDArray[np.int64]
    genuine_by_score: NDArray[np.int64]
    card_days: list[DayPrecision]
    first_row: int
    """Row at which counting began."""
    sample: Sample | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class _Fraud:
    """Which rows are fraudulent, and which accounts are under attack when."""

    is_fraud: NDArray[np.bool_]
    spans: list[Span] = field(default_factory=list)

    def is_near(self, account: int, time_ms: int) -> bool:
        """Whether the account was under attack then, or in the day before then."""
        spans = self.by_account.get(account, ())
        return any(span.first_ms <= time_ms < span.last_ms + DAY_MS for span in spans)

    @cached_property
    def by_account(self) -> dict[int, list[Span]]:
        """Spans of each account."""
        found: dict[int, list[Span]] = {}
        for span in self.spans:
            found.setdefault(span.account, []).append(span)
        return found


def _fraud(seen: Observed) -> _Fraud:
    is_fraud = np.zeros(seen.rows.count, np.bool_)
    spans = []
    for attack, rows in zip(seen.truth.attacks, seen.truth.rows, strict=True):
        is_fraud[rows] = True
        times = seen.rows.time_ms[rows]
        accounts = {*seen.rows.account[rows].tolist(), *seen.accounts.known([attack.customer])}
        spans += [Span(one, int(times.min()), int(times.max())) for one in accounts]
    return _Fraud(is_fraud, spans)


def figures_of(world: World, seen: Observed, sample: Sample | None = None) -> Figures:
    """Everything counted from the end of warming up."""
    rows, fraud = seen.rows, _fraud(seen)
    first = int(np.argmax(np.maximum.accumulate(rows.time_ms) >= world.counted_from_ms))
    counted = slice(first, None)
    raised = _opened_later(seen.raised, first)
    on_account = [one for one in raised if one.on_account and not fraud.is_fraud[one.row]]
    disturbed = np.array([one.row for one in on_account], np.int64)
    attacks = [
        place
        for place, of in enumerate(seen.truth.rows)
        if int(rows.time_ms[of[0]]) >= world.counted_from_ms
    ]
    active = account_days(rows.account[counted], rows.time_ms[counted])
    alerted = account_days(rows.account[disturbed], rows.time_ms[disturbed])
    score = np.minimum(rows.score[counted], TOP_SCORE)
    bad = fraud.is_fraud[counted]
    return Figures(
        world=world.kind.name,
        seed=world.seed,
        is_main=world.kind.is_main,
        change=world.kind.change,
        transactions=rows.count - first,
        fraudulent=int(bad.sum()),
        days=(int(rows.time_ms.max()) - world.counted_from_ms) / DAY_MS,
        alerts=len(raised),
        courses=_courses(seen, attacks),
        attack_rows=[seen.truth.rows[place] for place in attacks],
        cases=_cases(raised, rows, fraud) + _group_cases(seen, world.counted_from_ms),
        bothered=bothered(active, alerted, attacked_days(fraud.spans)),
        look_alikes=look_alikes(
            (
                Episode(one.kind, one.account, one.at_ms)
                for one in seen.truth.look_alikes
                if one.at_ms >= world.counted_from_ms
            ),
            rows.account[disturbed],
            rows.time_ms[disturbed],
            fraud.spans,
        ),
        fraud_by_score=np.bincount(score[bad], minlength=TOP_SCORE + 1),
        genuine_by_score=np.bincount(score[~bad], minlength=TOP_SCORE + 1),
        card_days=card_precision(rows.time_ms[counted] // DAY_MS, rows.card[counted], score, bad),
        first_row=first,
        sample=sample,
    )


def _opened_later(raised: Iterable[Raised], first: int) -> list[Raised]:
    """Alerts of cases that were opened while counting; others belong to warming up."""
    raised = list(raised)
    opened = _openings(raised)
    return [one for one in raised if opened[one.case].row >= first]


def _openings(raised: Iterable[Raised]) -> dict[int, Raised]:
    """The alert that opened each case."""
    opened: dict[int, Raised] = {}
    for one in raised:
        opened.setdefault(one.case, one)
    return opened


def _cases(raised: list[Raised], rows: Rows, fraud: _Fraud) -> CaseCounts:
    at = np.array([one.row for one in raised], np.int64)
    near = [
        fraud.is_near(account, time)
        for account, time in zip(rows.account[at].tolist(), rows.time_ms[at].tolist(), strict=True)
    ]
    case = np.array([one.case for one in raised], np.int64)
    # Repeats belong to a case without an alert of their own.
    fraudulent = np.isin(case, rows.case[fraud.is_fraud])
    return count_cases(case, fraudulent, np.array(near, np.bool_))


def _members(seen: Observed) -> list[set[str]]:
    """Merchants and accounts of each attack, by name."""
    accounts, merchants = seen.accounts.names(), seen.merchants.names()
    return [
        {accounts[one] for one in seen.rows.account[rows].tolist()}
        | {merchants[one] for one in seen.rows.merchant[rows].tolist()}
        for rows in seen.truth.rows
    ]


def _group_cases(seen: Observed, from_ms: int) -> CaseCounts:
    """Each group that was found is a case; right where most of it is one attack's."""
    if not seen.findings:
        return CaseCounts()
    members = _members(seen)
    later = [one.finding for one in seen.findings if one.at_ms >= from_ms]
    right = sum(any(is_about(finding, one) for one in members) for finding in later)
    return CaseCounts(right=right, wrong=len(later) - right)


def _courses(seen: Observed, attacks: list[int]) -> list[Course]:
    """How each of the numbered attacks went."""
    rows = seen.rows
    raised_at: dict[int, Raised] = {}
    for one in seen.raised:
        raised_at.setdefault(one.row, one)
    opened = _openings(seen.raised)
    members = _members(seen) if seen.findings else []
    refreshes = np.array(seen.refreshes, np.int64)
    courses = []
    for place in attacks:
        attack, own = seen.truth.attacks[place], seen.truth.rows[place]
        times = rows.time_ms[own]
        alerts = []
        for count, row in enumerate(own.tolist(), 1):
            alert = raised_at.get(row) or opened.get(int(rows.case[row]))
            # A case that was open before the attack says nothing of it.
            if alert is not None and alert.row >= own[0]:
                alerts = [(int(times[count - 1]), count, alert.patterns)]
                break
        alerts += [
            (one.at_ms, int((times <= one.at_ms).sum()), (one.finding.pattern,))
            for one in seen.findings
            if members and one.at_ms >= times[0] and is_about(one.finding, members[place])
        ]
        alert_ms, count, named = min(alerts, default=(0, 0, ()))
        courses.append(
            Course(
                attack.pattern,
                attack.strength,
                times,
                rows.cents[own],
                rows.account[own],
                count,
                alert_ms,
                named,
                refreshes,
            )
        )
    return courses
