"""Alerts: rows at or above the review score that open a case or bring it news."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from fraudstream_platform.contracts.tables import ALERT_SCHEMA
from fraudstream_platform.detection.batch import Batch
from fraudstream_platform.detection.cases import Arrival, CaseTable, Verdict
from fraudstream_platform.detection.findings import FACTS, Subject, subjects_of
from fraudstream_platform.detection.rules import RuleSet
from fraudstream_platform.detection.scoring import Scores, severity

ALERT_NAMESPACE = uuid.UUID("8d7c2f4e-5a0b-5c39-9a64-0d3f6e1b7a52")
MOST_REASONS = 4
_NO_ALERTS = pl.DataFrame(schema=ALERT_SCHEMA)
_NO_CASE = pl.Series("case_id", [None], pl.String)
_NOT_SUPPRESSED = pl.Series("is_suppressed", [False])

_COPIED = (
    "transaction_id", "event_time", "sent_at", "append_time", "partition", "offset", "customer",
    "card", "merchant_id", "billing_amount_minor",
)  # fmt: skip
_READ = list(dict.fromkeys((*_COPIED, *FACTS)))
"""Columns of the few rows that are looked at one by one."""


@dataclass(frozen=True)
class Raised:
    """Alerts of some rows, and for every row its case (null below the review score).

    `is_suppressed` marks the repeats: rows that belong to a case and bring it nothing new.
    """

    alerts: pl.DataFrame
    case_id: pl.Series
    is_suppressed: pl.Series


def alert_id(transaction_id: str, rules_version: str) -> str:
    """The same transaction under the same rules is the same alert."""
    return str(uuid.uuid5(ALERT_NAMESPACE, f"{transaction_id}|{rules_version}"))


def raise_alerts(
    silver: pl.DataFrame,
    batch: Batch,
    scores: Scores,
    rules: RuleSet,
    hour: str,
    cases_of: Callable[[int], CaseTable],
) -> Raised:
    """Alerts among the rows of `silver`, in its order; `cases_of` gives a partition's open cases."""
    rows = np.flatnonzero(scores.score >= rules.review_score).tolist()
    if not rows:
        nothing = _NO_CASE.new_from_index(0, silver.height)
        return Raised(_NO_ALERTS, nothing, _NOT_SUPPRESSED.new_from_index(0, silver.height))
    alerts: list[dict[str, Any]] = []
    cases: list[str | None] = [None] * silver.height
    suppressed = np.zeros(silver.height, np.bool_)
    read = silver[_READ][rows]
    for row, facts in zip(rows, read.iter_rows(named=True), strict=True):
        subjects = subjects_of(facts, batch, scores, rules, row)
        arrival = Arrival(facts["transaction_id"], facts["offset"], int(batch.events.time[row]))
        due = [subject for subject in subjects if subject.score >= rules.review_score]
        verdict = cases_of(facts["partition"]).take(due, arrival)
        cases[row] = verdict.case_id
        suppressed[row] = verdict.event is None
        if verdict.event is not None:
            alerts.append(_alert(facts, verdict, subjects, list(scores.fired(row)), rules, hour))
    frame = pl.DataFrame(alerts, schema=ALERT_SCHEMA, orient="row") if alerts else _NO_ALERTS
    return Raised(
        frame, pl.Series("case_id", cases, pl.String), pl.Series("is_suppressed", suppressed)
    )


def _alert(
    facts: dict[str, Any],
    verdict: Verdict,
    subjects: Sequence[Subject],
    fired: list[str],
    rules: RuleSet,
    hour: str,
) -> dict[str, Any]:
    subject = verdict.subject
    return {
        **{name: facts[name] for name in _COPIED},
        "alert_id": alert_id(facts["transaction_id"], rules.version),
        "lake_hour": hour,
        "score": subject.score,
        "severity": severity(subject.score, rules),
        "action": subject.action,
        "patterns": fired,
        "reasons": _reasons([subject, *(other for other in subjects if other is not subject)]),
        "rules_version": rules.version,
        "case_id": verdict.case_id,
        "case_event": verdict.event,
        "case_key": verdict.key,
    }


def _reasons(subjects: Sequence[Subject]) -> list[dict[str, Any]]:
    """At most four reasons, one a family; those of the first subject come first."""
    kept: dict[str, dict[str, Any]] = {}
    for subject in subjects:
        for finding in subject.findings:
            for reason in finding.reasons:
                kept.setdefault(finding.family, reason._asdict())
    return list(kept.values())[:MOST_REASONS]
