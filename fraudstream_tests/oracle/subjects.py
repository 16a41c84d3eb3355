"""Score of a transaction, and whom it is about: docs/alerts.md, "Score" to "Reasons"."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fraudstream_tests.oracle.patterns import PATTERNS
from fraudstream_tests.oracle.transaction import Evidence, Row, Transaction

Rules = dict[str, Any]
"""A rule set as its YAML file has it."""
ACTIONS = ("allow", "step_up", "review", "block")
_FIRED = 0.3
_NAMED_BY = {
    "card": ("card",), "customer": ("customer",), "instrument": ("device_pan",),
    "device": ("device",), "ipnet": ("ip_net",), "merchant": ("merchant_id",),
    "bin_merchant": ("bin8", "merchant_id"),
}  # fmt: skip
_CARDHOLDER = ("card", "customer", "instrument")


@dataclass(frozen=True)
class Finding:
    """A pattern that fired, and the cases that may know of it: its own first."""

    pattern: str
    evidence: Evidence
    keys: tuple[str, ...]

    @property
    def family(self) -> str:
        """The family of evidence."""
        return PATTERNS[self.pattern][0]


@dataclass(frozen=True)
class Subject:
    """One whom evidence is about: the cardholder, or an entity that many share."""

    findings: tuple[Finding, ...]
    score: int
    action: str
    is_cardholder: bool


def subjects(one: Transaction, rules: Rules) -> tuple[int, list[Subject]]:
    """The row's score, and everyone whom it is about, the strongest first."""
    found = {
        name: (family, pattern(one, rules[name])) for name, (family, pattern) in PATTERNS.items()
    }
    score = _noisy_or((family, evidence.signal) for family, evidence in found.values())
    by_strength = sorted((-evidence.signal, name) for name, (_, evidence) in found.items())
    groups: dict[str, list[Finding]] = {}
    for place, (strength, name) in enumerate(by_strength):
        if strength and (place == 0 or -strength >= _FIRED):
            family, evidence = found[name]
            kind, token = _entity(evidence.entity, one.row)
            keys = [f"{family}:{kind}:{token}"]
            if kind == "customer" and one.row["card"]:
                keys.append(f"{family}:card:{one.row['card']}")
            about = "" if kind in _CARDHOLDER else f"{kind}:{token}"
            groups.setdefault(about, []).append(Finding(name, evidence, tuple(keys)))
    named: list[Subject] = []
    for about, findings in groups.items():
        own = _noisy_or((one.family, one.evidence.signal) for one in findings)
        of_subject = own if named else score
        step = _action(of_subject, rules, is_remote=one.is_remote)
        named.append(Subject(tuple(findings), of_subject, step, about == ""))
    return score, named


def severity(score: int, rules: Rules) -> str:
    """How bad it is."""
    review, block = rules["scoring"]["review_score"], rules["scoring"]["block_score"]
    levels = (("critical", (block + 1000) // 2), ("high", block), ("medium", review))
    return next((name for name, least in levels if score >= least), "low")


def reasons(first: Subject, everyone: Iterable[Subject]) -> list[Row]:
    """At most four, one a family, those of `first` before the others'; without their sentences."""
    others = [other for other in everyone if other is not first]
    told: dict[str, Row] = {}
    for subject in (first, *others):
        for finding in subject.findings:
            evidence = finding.evidence
            reason = {
                "code": evidence.code, "value": evidence.value, "usual": evidence.usual,
                "window_s": evidence.window_s, "entity": evidence.entity,
            }  # fmt: skip
            told.setdefault(finding.family, reason)
    return list(told.values())[:4]


def _noisy_or(signals: Iterable[tuple[str, float]]) -> int:
    """0 to 1000: the strongest of each family, families independent."""
    families: dict[str, float] = {}
    for family, signal in signals:
        families[family] = max(families.get(family, 0.0), signal)
    return math.floor(1000 * (1 - math.prod(1 - signal for signal in families.values())) + 0.5)


def _action(score: int, rules: Rules, *, is_remote: bool) -> str:
    if score >= rules["scoring"]["block_score"]:
        return "block"
    if score < rules["scoring"]["review_score"]:
        return "allow"
    return "step_up" if is_remote else "review"


def _entity(kind: str, row: Row) -> tuple[str, str]:
    """Whom a reason names; the card, else the customer, where the row has no name for it."""
    names = [row[column] for column in _NAMED_BY[kind]]
    if all(names):
        return kind, "@".join(names)
    return ("card", row["card"]) if row["card"] else ("customer", row["customer"])
