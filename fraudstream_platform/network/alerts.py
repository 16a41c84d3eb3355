"""Findings as alerts: on the same topic and by the same contract as those of the drain."""

from __future__ import annotations

import uuid
from typing import Any

from fraudstream_platform.contracts.tables import ALERT_SCHEMA
from fraudstream_platform.detection.alerts import ALERT_NAMESPACE
from fraudstream_platform.network.findings import Finding
from fraudstream_platform.network.rules import NetworkRules

_SEVERITIES = ((925, "critical"), (850, "high"), (0, "medium"))
_FAMILIES = {"merchant_collusion": "collusion", "synthetic_identity": "identity"}


def alert_of(finding: Finding, facts: dict[str, Any], rules: NetworkRules) -> dict[str, Any]:
    """The alert of a finding; `facts` are those of its newest transaction, for which it stands.

    The action is a review by a person whatever the score: a group is no card that one can block.
    `sent_at` stays null, since the alert's age says nothing of the way of its transaction.
    """
    transaction = facts["transaction_id"]
    case_key = f"{_FAMILIES[finding.pattern]}:group:{finding.key}"
    alert = {
        **{name: value for name, value in facts.items() if name != "hour"},
        "alert_id": _id(finding.key, transaction, rules.version),
        "sent_at": None,
        "lake_hour": facts["hour"],
        "score": finding.score,
        "severity": next(word for least, word in _SEVERITIES if finding.score >= least),
        "action": "review",
        "patterns": [finding.pattern],
        "reasons": [reason._asdict() for reason in finding.reasons],
        "rules_version": rules.version,
        "case_id": _id(case_key, transaction),
        "case_event": "opened",
        "case_key": case_key,
    }
    return {name: alert[name] for name in ALERT_SCHEMA}


def _id(*parts: str) -> str:
    return str(uuid.uuid5(ALERT_NAMESPACE, "|".join(parts)))
