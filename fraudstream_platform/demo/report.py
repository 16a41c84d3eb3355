"""What the demo did, as JSON, and whether that is what it was meant to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from fraudstream_platform.defs.metadata import percentiles
from fraudstream_platform.defs.requests import JOB_NAME
from fraudstream_platform.local.dagster import dagster_home
from fraudstream_platform.measuring.latency import over_time
from fraudstream_platform.measuring.probe import AlertProbe
from fraudstream_platform.measuring.watch import Sample, Watch
from fraudstream_platform.settings import Settings
from fraudstream_platform.verify.proof import Finding


@dataclass(frozen=True)
class History:
    """The past that was told before the live stream began."""

    summary: Mapping[str, Any]
    """What the simulator says of it."""
    told_s: float
    """How long making and sending it took."""
    drained_at: float
    """When all of it stood in the lake, epoch seconds."""

    @property
    def records(self) -> int:
        """Transactions of the past."""
        return int(self.summary["produced"])

    @property
    def attacks(self) -> Counter[str]:
        """Attacks of the past by pattern."""
        return Counter(self.summary["attacks_by_pattern"])


@dataclass(frozen=True)
class Collected:
    """Everything the report is made of."""

    summary: Mapping[str, Any]
    """What the live simulator says of itself."""
    history: History
    last: Sample
    samples: Sequence[Sample]
    """One a second while transactions were sent."""
    findings: Sequence[Finding]
    memory_mb: Mapping[str, float]
    """Highest seen of each service."""
    marts_runs: int


def build_report(
    settings: Settings, collected: Collected, watch: Watch, probe: AlertProbe
) -> dict[str, Any]:
    """The report's JSON; `problems` lists, in words, what the pipeline did not do."""
    rows, history = collected.last.rows, collected.history
    live = collected.summary.get("produced", collected.last.produced - history.records)
    attacks = history.attacks + Counter(collected.summary.get("attacks_by_pattern", {}))
    report: dict[str, Any] = {
        "produced": live + history.records,
        "produced_live": live,
        "history": {
            "records": history.records,
            "told_s": history.told_s,
            "records_a_second": round(history.records / history.told_s),
        },
        "bronze_rows": rows["bronze.transactions"],
        "dead_letters": rows["bronze.dead_letter"],
        "silver_rows": rows["silver.transactions"],
        "quarantined": rows["silver.quarantine"],
        "feature_rows": rows["gold.features"],
        "alerts_topic": probe.alerts,
        "alerts_table": rows["gold.alerts"],
        "vault_entries": rows["vault.entities"],
        "alerts_by_pattern": dict(probe.by_pattern),
        "attacks_by_pattern": dict(attacks),
        "latency_ms": percentiles([round(one) for one in probe.latencies_ms]),
        "latency_over_time": over_time(
            zip(probe.seen_at, probe.latencies_ms, strict=True), next(iter(probe.seen_at), 0.0)
        ),
        "freshness_s": _worst_freshness(collected.samples),
        "drain_runs": _runs(settings, JOB_NAME),
        "drain_runs_failed": _runs(settings, JOB_NAME, dg.DagsterRunStatus.FAILURE),
        "handovers": watch.handovers(),
        "handover_gap_ms": percentiles(watch.handover_gaps_ms()),
        "marts_runs": collected.marts_runs,
        "verify": {
            "passed": all(finding.holds for finding in collected.findings),
            "findings": [asdict(finding) for finding in collected.findings],
        },
        "memory_mb": {
            **{name: round(value) for name, value in collected.memory_mb.items()},
        },
        "schedule_slip_p99_ms": collected.summary.get("slip_p99_ms"),
    }
    report["problems"] = problems(report)
    return report


def problems(report: Mapping[str, Any]) -> list[str]:
    """What a pipeline that did its job would not show."""
    found = []
    stored = report["bronze_rows"] + report["dead_letters"]
    if report["produced"] != stored:
        found.append(f"{report['produced']} produced, but {stored} in Bronze and dead letters")
    if report["alerts_topic"] != report["alerts_table"]:
        found.append(
            f"{report['alerts_topic']} alerts on the topic, {report['alerts_table']} in the table"
        )
    for pattern in report["attacks_by_pattern"]:
        if not report["alerts_by_pattern"].get(pattern):
            found.append(f"no alert for the injected pattern {pattern}")
    if not report["verify"]["passed"]:
        found.append("verify found offences")
    if report["drain_runs_failed"]:
        found.append(f"{report['drain_runs_failed']} drain runs failed: see them in the Dagster UI")
    if not report["marts_runs"]:
        found.append("no marts run succeeded")
    return found


def _worst_freshness(samples: Sequence[Sample]) -> dict[str, float]:
    worst: dict[str, float] = {}
    for sample in samples:
        for layer, seconds in sample.freshness_s.items():
            worst[layer] = max(seconds, worst.get(layer, 0.0))
    return worst


def dagster_instance(settings: Settings) -> dg.DagsterInstance:
    """The stack's Dagster instance, read directly."""
    return dg.DagsterInstance.from_config(str(dagster_home(settings)))


def succeeded(settings: Settings, job: str, since_s: float | None = None) -> int:
    """How many runs of a job have succeeded, of those created since then (epoch seconds)."""
    return _runs(settings, job, dg.DagsterRunStatus.SUCCESS, since_s=since_s)


def _runs(
    settings: Settings, job: str, *statuses: dg.DagsterRunStatus, since_s: float | None = None
) -> int:
    since = None if since_s is None else datetime.fromtimestamp(since_s, UTC)
    wanted = dg.RunsFilter(job_name=job, statuses=statuses or None, created_after=since)
    with dagster_instance(settings) as instance:
        return instance.get_runs_count(wanted)
