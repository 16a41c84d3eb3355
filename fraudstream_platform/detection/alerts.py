"""Alerts: the rows at or above the review score, with their reasons."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import polars as pl

from fraudstream_platform.contracts.tables import ALERT_SCHEMA
from fraudstream_platform.detection.batch import Batch
from fraudstream_platform.detection.patterns import PATTERNS
from fraudstream_platform.detection.rules import RuleSet
from fraudstream_platform.detection.scoring import Scores, action, severity

ALERT_NAMESPACE = uuid.UUID("8d7c2f4e-5a0b-5c39-9a64-0d3f6e1b7a52")
MOST_REASONS = 4
_NO_ALERTS = pl.DataFrame(schema=ALERT_SCHEMA)

_COPIED = (
    "transaction_id", "event_time", "sent_at", "append_time", "partition", "offset", "customer",
    "card", "merchant_id", "billing_amount_minor",
)  # fmt: skip


def alert_id(transaction_id: str, rules_version: str) -> str:
    """The same transaction under the same rules is the same alert."""
    return str(uuid.uuid5(ALERT_NAMESPACE, f"{transaction_id}|{rules_version}"))


def build_alerts(
    silver: pl.DataFrame, batch: Batch, scores: Scores, rules: RuleSet, hour: str
) -> pl.DataFrame:
    """One row for each alerting row of `silver`, in its order."""
    rows = np.flatnonzero(scores.score >= rules.review_score)
    if rows.shape[0] == 0:
        return _NO_ALERTS
    copied = silver.select(_COPIED)[rows].iter_rows(named=True)
    alerts = [
        _alert(facts, batch, scores, rules, hour, int(row))
        for facts, row in zip(copied, rows, strict=True)
    ]
    return pl.DataFrame(alerts, schema=ALERT_SCHEMA, orient="row")


def _alert(
    facts: dict[str, Any], batch: Batch, scores: Scores, rules: RuleSet, hour: str, row: int
) -> dict[str, Any]:
    fired = scores.fired(row)
    reasons: list[dict[str, Any]] = []
    families: set[str] = set()
    for name in fired:
        pattern = PATTERNS[name]
        if pattern.family not in families:
            families.add(pattern.family)
            reasons.extend(reason._asdict() for reason in pattern.reasons(batch, row, rules)[:1])
    score = int(scores.score[row])
    return {
        **facts,
        "alert_id": alert_id(facts["transaction_id"], rules.version),
        "lake_hour": hour,
        "score": score,
        "severity": severity(score, rules),
        "action": action(score, rules),
        "patterns": fired,
        "reasons": reasons[:MOST_REASONS],
        "rules_version": rules.version,
    }
