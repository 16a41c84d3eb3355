"""From the features of a row to its score, its case and, where it has news, its alert."""

from __future__ import annotations

import uuid
from collections import defaultdict
from pathlib import Path

import yaml

from fraudstream_tests.oracle.cases import Cases
from fraudstream_tests.oracle.subjects import Rules, Subject, reasons, severity, subjects
from fraudstream_tests.oracle.transaction import Row, Transaction

_NAMESPACE = uuid.UUID("8d7c2f4e-5a0b-5c39-9a64-0d3f6e1b7a52")
_COPIED = (
    "transaction_id", "event_time", "sent_at", "append_time", "partition", "offset", "customer",
    "card", "merchant_id", "billing_amount_minor",
)  # fmt: skip


class Detection:
    """The detector's judgement of rows in the order of their offsets; holds all cases."""

    def __init__(self, rules: Path, version: str) -> None:
        """`version` is what the rule set is called in rows and alerts: it is taken as it is."""
        self._rules: Rules = yaml.safe_load(rules.read_text())
        self._version = version
        self._cases: dict[int, Cases] = defaultdict(Cases)

    def judge(self, row: Row, features: Row) -> tuple[Row, Row | None]:
        """What stands beside the features of a Silver row, and the alert that it raises, if any."""
        one = Transaction(row, features)
        score, everyone = subjects(one, self._rules)
        review = self._rules["scoring"]["review_score"]
        beside: Row = {
            "score": score, "case_id": None, "is_suppressed": False,
            "rules_version": self._version,
        }  # fmt: skip
        if score < review:
            return beside, None
        due = [subject for subject in everyone if subject.score >= review]
        place, case_id, key, event = self._cases[row["partition"]].take(
            due, row["transaction_id"], row["offset"], one.facts["time"]
        )
        beside |= {"case_id": case_id, "is_suppressed": event is None}
        if event is None:
            return beside, None
        case = {"case_id": case_id, "case_event": event, "case_key": key}
        return beside, {**self._alert(row, due[place], everyone), **case}

    def _alert(self, row: Row, subject: Subject, everyone: list[Subject]) -> Row:
        fired = [finding for other in everyone for finding in other.findings]
        fired.sort(key=lambda finding: (-finding.evidence.signal, finding.pattern))
        name = f"{row['transaction_id']}|{self._version}"
        return {
            **{column: row[column] for column in _COPIED},
            "alert_id": str(uuid.uuid5(_NAMESPACE, name)),
            "score": subject.score,
            "severity": severity(subject.score, self._rules),
            "action": subject.action,
            "patterns": [finding.pattern for finding in fired],
            "reasons": reasons(subject, everyone),
            "rules_version": self._version,
        }
