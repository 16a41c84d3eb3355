"""What a drain run shows on its materializations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dagster as dg
import numpy as np

from fraudstream_platform.defs import pictures
from fraudstream_platform.drain.window import WindowReport
from fraudstream_platform.lake.tables import ALERTS, LABELS, VAULT
from fraudstream_platform.settings import Settings

Metadata = Mapping[str, dg.MetadataValue]


def percentiles(values_ms: Sequence[int]) -> dict[str, float]:
    """p50, p95, p99, p999 and max of some milliseconds; empty where there are none."""
    if not values_ms:
        return {}
    array = np.asarray(values_ms, dtype=np.float64)
    names = {"p50": 50, "p95": 95, "p99": 99, "p999": 99.9, "max": 100}
    return {name: round(float(np.percentile(array, q)), 1) for name, q in names.items()}


def window_metadata(
    settings: Settings, report: WindowReport
) -> dict[dg.AssetKey, dict[str, dg.MetadataValue]]:
    """Metadata of every drained asset, by key: rows of each, and the window they came in."""
    common = _window(report)
    tables = {
        "bronze.transactions": _offsets(report),
        "bronze.dead_letter": {},
        "silver.transactions": {},
        "silver.quarantine": {},
        "gold.features": {},
    }
    by_key = {
        dg.AssetKey(table.split(".")): {
            "rows": dg.MetadataValue.int(report.rows[table]),
            **common,
            **extra,
        }
        for table, extra in tables.items()
    }
    by_key[dg.AssetKey(["gold", "alerts"])] = {
        "rows": dg.MetadataValue.int(report.followed[ALERTS]),
        "alerts_by_pattern": pictures.bars(
            "alerts by pattern", sorted(report.patterns.items(), key=lambda one: -one[1])
        ),
        **common,
        **_latency(report),
    }
    by_key[dg.AssetKey(["kafka", "fraud_alerts"])] = {**common, **_latency(report)}
    by_key[dg.AssetKey(["vault", "entities"])] = {
        "rows": dg.MetadataValue.int(report.followed[VAULT]),
        **common,
    }
    by_key[dg.AssetKey(["labels", "transactions"])] = {
        "rows": dg.MetadataValue.int(report.followed[LABELS]),
        "problems": dg.MetadataValue.json(dict(report.label_problems)),
        **common,
    }
    by_key[dg.AssetKey(["kafka", "journal"])] = {
        "flushes": dg.MetadataValue.int(report.flushes),
        "bytes_written": dg.MetadataValue.int(report.bytes_written),
        **common,
        **_figures("handover_gap", report.handover_gap_ms),
    }
    return by_key


def _window(report: WindowReport) -> dict[str, dg.MetadataValue]:
    return {
        "window_start": dg.MetadataValue.timestamp(report.window_start / 1000),
        "window_stop": dg.MetadataValue.timestamp(report.window_stop / 1000),
        "attempt": dg.MetadataValue.int(report.attempt),
        **_figures("commit_delay", report.commit_delay_ms),
        **_figures("freshness", report.freshness_ms),
    }


def _offsets(report: WindowReport) -> dict[str, dg.MetadataValue]:
    rows = "\n".join(
        f"| {p} | {report.started.get(p, 0)} | {end} | {end - report.started.get(p, end)} |"
        for p, end in sorted(report.ended.items())
    )
    table = f"| partition | first offset | next offset | offsets |\n|---|---|---|---|\n{rows}"
    return {"offsets": dg.MetadataValue.md(table), "lag": dg.MetadataValue.int(report.lag)}


def _latency(report: WindowReport) -> dict[str, dg.MetadataValue]:
    return {
        "alerts_measured": dg.MetadataValue.int(len(report.latencies_ms)),
        **_figures("alert_latency", report.latencies_ms, "p50", "p95", "p99", "p999", "max"),
        "alert_latency": histogram(report.latencies_ms),
    }


def _figures(name: str, values_ms: Sequence[int], *wanted: str) -> dict[str, dg.MetadataValue]:
    """Percentiles as numbers of their own: the UI plots numbers, not JSON."""
    found = percentiles(values_ms)
    return {
        f"{name}_{one}_ms": dg.MetadataValue.float(found[one])
        for one in wanted or ("p50", "p95", "max")
        if one in found
    }


def histogram(values_ms: Sequence[int]) -> dg.MetadataValue:
    """A plot of alert latency: how many alerts took how long."""
    edges = [0, 25, 50, 75, 100, 150, 250, 500, 1000]
    counts, _ = np.histogram(values_ms, bins=[*edges, np.inf])
    names = [f"from {edge:,} ms" for edge in edges]
    return pictures.bars(
        "alert latency", list(zip(names, counts.tolist(), strict=True)) if values_ms else []
    )
