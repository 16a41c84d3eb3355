"""Whom a row's evidence is about: its cardholder, or an entity that many cardholders share.

Evidence on a merchant, a device, a network or a BIN at a merchant acts there, not on every
cardholder seen there. A cardholder is acted upon for evidence on his own card, wallet or person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fraudstream_platform.detection.batch import Batch, Reason
from fraudstream_platform.detection.flags import ATTEMPT, CIT, PRESENT
from fraudstream_platform.detection.patterns import PATTERNS
from fraudstream_platform.detection.rules import RuleSet
from fraudstream_platform.detection.scoring import Scores, action, noisy_or

ENTITIES: dict[str, tuple[str, ...]] = {
    "card": ("card",),
    "customer": ("customer",),
    "instrument": ("device_pan",),
    "device": ("device",),
    "ipnet": ("ip_net",),
    "merchant": ("merchant_id",),
    "bin_merchant": ("bin8", "merchant_id"),
}
"""What a reason can be about, and the Silver columns that name it."""
FACTS = tuple(dict.fromkeys(column for columns in ENTITIES.values() for column in columns))

_CARDHOLDER = ("card", "customer", "instrument")


@dataclass(frozen=True)
class Finding:
    """One pattern that fired on a row.

    `keys`: family x entity of the case that it opens; then of the other case that may know it
    already (a customer's evidence on a row of a card is known where the card's case is open).
    """

    pattern: str
    family: str
    signal: float
    reasons: tuple[Reason, ...]
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Subject:
    """Everything found about one who can be acted upon: findings (strongest first) and score."""

    findings: tuple[Finding, ...]
    score: int
    action: str
    is_cardholder: bool


def subjects_of(
    facts: Mapping[str, Any], batch: Batch, scores: Scores, rules: RuleSet, row: int
) -> list[Subject]:
    """Everyone whom a row's evidence is about, the strongest first.

    The subject of the strongest evidence has the row's score, for which all evidence counts; the
    others are judged by what was found about themselves.
    """
    groups: dict[str, list[Finding]] = {}
    for pattern, signal in scores.fired(row).items():
        about, finding = _finding(pattern, signal, facts, batch, rules, row)
        groups.setdefault(about, []).append(finding)
    flags = int(batch.events.flags[row])
    is_remote = flags & (ATTEMPT | CIT | PRESENT) == ATTEMPT | CIT
    subjects: list[Subject] = []
    for about, findings in groups.items():
        score = _own_score(findings) if subjects else int(scores.score[row])
        next_step = action(score, rules, is_remote=is_remote)
        subjects.append(Subject(tuple(findings), score, next_step, about == ""))
    return subjects


def _finding(
    name: str, signal: float, facts: Mapping[str, Any], batch: Batch, rules: RuleSet, row: int
) -> tuple[str, Finding]:
    """The finding, and what it is about: an entity, or nothing for the cardholder."""
    pattern = PATTERNS[name]
    reasons = tuple(pattern.reasons(batch, row, rules)[:1])
    kind, token = _entity(reasons[0].entity if reasons else "card", facts)
    keys = [f"{pattern.family}:{kind}:{token}"]
    if kind == "customer" and facts["card"]:
        keys.append(f"{pattern.family}:card:{facts['card']}")
    about = "" if kind in _CARDHOLDER else f"{kind}:{token}"
    return about, Finding(name, pattern.family, signal, reasons, tuple(keys))


def _entity(kind: str, facts: Mapping[str, Any]) -> tuple[str, str]:
    """Kind and token of what a reason is about; the card (else customer) where it has no token.

    A wallet is an instrument of its own; without one the instrument is the card.
    """
    tokens = [facts[column] for column in ENTITIES.get(kind, ())]
    if tokens and all(tokens):
        return kind, "@".join(tokens)
    return ("card", facts["card"]) if facts["card"] else ("customer", facts["customer"])


def _own_score(findings: list[Finding]) -> int:
    families: dict[str, float] = {}
    for finding in findings:
        families[finding.family] = max(families.get(finding.family, 0.0), finding.signal)
    return noisy_or(families.values())
