"""Asset checks of the drained layers: thresholds from settings, numbers in every result."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg

from fraudstream_platform.defs.hour_checks import features_check
from fraudstream_platform.drain.window import WindowReport
from fraudstream_platform.lake.tables import LABELS
from fraudstream_platform.settings import Settings

_DECODE_RATE_AT_LEAST = 0.95
_USABLE_RATE_AT_LEAST = 0.95
_LABELS_WAITING_AT_MOST = 10_000

SPECS = [
    dg.AssetCheckSpec(
        "decode_rate",
        asset=["bronze", "transactions"],
        description="Share of Kafka records that became Bronze rows rather than dead letters.",
    ),
    dg.AssetCheckSpec(
        "offsets_continue",
        asset=["bronze", "transactions"],
        description="Flushes join: each starts where the one before it ended.",
        blocking=True,
    ),
    dg.AssetCheckSpec(
        "quality_score",
        asset=["silver", "transactions"],
        description="Share of records that passed every rule: blocks below "
        "SILVER_QUALITY_THRESHOLD, warns below DATA_QUALITY_ALERT_THRESHOLD.",
        blocking=True,
    ),
    dg.AssetCheckSpec(
        "every_row_has_features",
        asset=["gold", "features"],
        description="As many feature vectors as Silver rows.",
        blocking=True,
    ),
    dg.AssetCheckSpec(
        "freshness",
        asset=["gold", "features"],
        description="From a record's append to its commit in Delta, at the 95th percentile.",
    ),
    dg.AssetCheckSpec(
        "alert_latency",
        asset=["gold", "alerts"],
        description="Alert published within 500 ms of the source's sending, at the 95th percentile.",
    ),
    dg.AssetCheckSpec(
        "labels_usable",
        asset=["labels", "transactions"],
        description="Share of label records that keep the contract; the others name what is wrong.",
    ),
    dg.AssetCheckSpec(
        "labels_arrive",
        asset=["labels", "transactions"],
        description="How many records of the label topic the table lacks when a window ends.",
    ),
]


def results(settings: Settings, report: WindowReport) -> Iterator[dg.AssetCheckResult]:
    """One result a check, from what the window's journal records say."""
    yield _decode_rate(report)
    yield dg.AssetCheckResult(
        asset_key=["bronze", "transactions"],
        check_name="offsets_continue",
        passed=not report.gaps,
        description=f"{report.flushes} flushes, each begins where the one before it ended"
        if not report.gaps
        else f"{len(report.gaps)} of {report.flushes} flushes do not join: {report.gaps[0]}",
        metadata={"gaps": dg.MetadataValue.json(report.gaps[:10])},
    )
    yield _quality(settings, report)
    silver, features = report.rows["silver.transactions"], report.rows["gold.features"]
    yield features_check(silver, features)
    fresh_ms = round(settings.freshness_objective_seconds * 1000)
    yield _at_most("freshness", ["gold", "features"], report.freshness_p95_ms, fresh_ms)
    yield _at_most("alert_latency", ["gold", "alerts"], report.latency_p95_ms, 500)
    yield _labels_usable(report)
    yield _labels_arrive(report)


def _decode_rate(report: WindowReport) -> dg.AssetCheckResult:
    decoded, dead = report.rows["bronze.transactions"], report.rows["bronze.dead_letter"]
    rate = decoded / (decoded + dead) if decoded + dead else 1.0
    return dg.AssetCheckResult(
        asset_key=["bronze", "transactions"],
        check_name="decode_rate",
        passed=rate >= _DECODE_RATE_AT_LEAST,
        description=f"{decoded:,} of {decoded + dead:,} records decoded ({rate:.2%}), "
        f"{dead:,} dead letters; at least {_DECODE_RATE_AT_LEAST:.0%} expected",
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"rate": rate, "decoded": decoded, "dead_letters": dead},
    )


def _quality(settings: Settings, report: WindowReport) -> dg.AssetCheckResult:
    good, bad = report.rows["silver.transactions"], report.rows["silver.quarantine"]
    score = good / (good + bad) if good + bad else 1.0
    blocks = score < settings.silver_quality_threshold
    return dg.AssetCheckResult(
        asset_key=["silver", "transactions"],
        check_name="quality_score",
        passed=score >= settings.data_quality_alert_threshold,
        description=f"{good:,} of {good + bad:,} records passed every rule ({score:.2%}); warns "
        f"below {settings.data_quality_alert_threshold:.0%}, blocks below "
        f"{settings.silver_quality_threshold:.0%}",
        severity=dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN,
        metadata={
            "score": score,
            "valid": good,
            "quarantined": bad,
            "blocks_below": settings.silver_quality_threshold,
            "warns_below": settings.data_quality_alert_threshold,
        },
    )


def _labels_usable(report: WindowReport) -> dg.AssetCheckResult:
    labels, poor = report.followed[LABELS], report.label_problems.total()
    rate = (labels - poor) / labels if labels else 1.0
    return dg.AssetCheckResult(
        asset_key=["labels", "transactions"],
        check_name="labels_usable",
        passed=rate >= _USABLE_RATE_AT_LEAST,
        description=f"{labels - poor:,} of {labels:,} label records can be used ({rate:.2%}); at "
        f"least {_USABLE_RATE_AT_LEAST:.0%} expected; column `problem` names what is wrong",
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"rate": rate, "labels": labels, "problems": dict(report.label_problems)},
    )


def _labels_arrive(report: WindowReport) -> dg.AssetCheckResult:
    waiting = report.labels_waiting
    return dg.AssetCheckResult(
        asset_key=["labels", "transactions"],
        check_name="labels_arrive",
        passed=waiting is None or waiting <= _LABELS_WAITING_AT_MOST,
        description="the broker did not say how many labels wait"
        if waiting is None
        else f"{waiting:,} records of the label topic wait for the next window; at most "
        f"{_LABELS_WAITING_AT_MOST:,} expected",
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"waiting": -1 if waiting is None else waiting},
    )


def _at_most(
    check: str, asset: list[str], value_ms: float | None, limit_ms: int
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=check,
        passed=value_ms is None or value_ms <= limit_ms,
        description="nothing to measure in this window"
        if value_ms is None
        else f"95 % within {value_ms:,.0f} ms; at most {limit_ms:,} ms expected",
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"p95_ms": value_ms if value_ms is not None else 0.0, "limit_ms": limit_ms},
    )
