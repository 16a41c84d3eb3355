"""What a day's page shows, as plain values."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass


@dataclass(frozen=True)
class HourOfDay:
    """Transactions of one hour by event time; `hour` 0 to 23, UTC."""

    hour: int
    attempts: int
    approved: int
    declined: int
    approved_minor: int


@dataclass(frozen=True)
class PatternOfDay:
    """Alerts of a day in which the pattern was the strongest one; `minor` is their money."""

    pattern: str
    alerts: int
    minor: int
    fraud: int
    genuine: int


@dataclass(frozen=True)
class RuleSet:
    """What labels tell of a rule set so far, over all days; shares are null where nothing is known."""

    version: str
    precision: float | None
    recall: float | None
    fraud_minor: int
    caught_minor: int
    after_alert_minor: int


@dataclass(frozen=True)
class SourceOfDay:
    """Records of one source by append time."""

    source: str
    records: int
    quarantined: int
    mean_score: float | None


@dataclass(frozen=True)
class BrokenRule:
    """Records of a day that broke a rule."""

    rule: str
    records: int


@dataclass(frozen=True)
class ServiceHour:
    """Throughput and latency of one hour by append time; seconds, null where nothing was timed."""

    hour: int
    transactions: int
    peak_per_second: int
    append_p95_s: float | None
    alerts: int
    alert_p50_s: float | None
    alert_p95_s: float | None
    alert_max_s: float | None


@dataclass(frozen=True)
class Day:
    """Everything of one day (UTC)."""

    date: dt.date
    hours: list[HourOfDay]
    patterns: list[PatternOfDay]
    rule_sets: list[RuleSet]
    sources: list[SourceOfDay]
    broken_rules: list[BrokenRule]
    service: list[ServiceHour]
