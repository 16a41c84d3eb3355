"""What a measured load comes to: plain values in, a report's JSON out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from fraudstream_platform.defs.metadata import percentiles
from fraudstream_platform.drain.journal import Entry
from fraudstream_platform.measuring.latency import over_time
from fraudstream_platform.measuring.watch import Sample

Span = tuple[float, float]
"""Epoch seconds."""

BEFORE_S, AFTER_S = 0.5, 2.0
"""An alert seen so long before a group's final record, or after its successor's first, is near."""
P95_MS = 500.0
"""A rate is carried where 95 of 100 alerts are seen within this time."""
NEAR_P99_MS = 1000.0
"""99 of 100 alerts near a hand-over are to be seen within this time."""
_SLIP_MS = 100.0
_GROWS_S = 0.5
"""Lag grows where it ends this many seconds of the stream higher than it began."""


@dataclass(frozen=True)
class Measured:
    """One engine under one load; times in epoch seconds, latencies in ms."""

    engine: str
    tps: float
    span: Span
    """Of intended sending times; alerts of others are left out."""
    records: int
    """Appended to the raw topic within the span."""
    sent_at: Sequence[float]
    """When each alert's transaction was to be sent."""
    latencies_ms: Sequence[float]
    handovers: Sequence[Span] = ()
    gaps_ms: Sequence[int] = ()
    samples: Sequence[Sample] = ()
    cpu_s: Mapping[str, float] = field(default_factory=dict)
    memory_mb: Mapping[str, float] = field(default_factory=dict)
    together_mb: float = 0.0
    written: Mapping[str, int] = field(default_factory=dict)
    """Bytes that each folder grew by."""
    generator: Mapping[str, Any] = field(default_factory=dict)
    has_sent: bool = True
    """Whether the generator came to its end, however late."""
    has_settled: bool = True
    """Whether the engine did all that was sent before waiting for it ended."""

    def pairs(self) -> list[tuple[float, float]]:
        """When each alert's transaction was to be sent and its latency, of those within the span."""
        first, last = self.span
        both = zip(self.sent_at, self.latencies_ms, strict=True)
        return [(at, ms) for at, ms in both if first <= at <= last]


def figures(measured: Measured) -> dict[str, Any]:
    """The report's JSON of one load."""
    pairs = measured.pairs()
    near = [
        ms
        for at, ms in pairs
        if any(start <= at + ms / 1000 <= end for start, end in measured.handovers)
    ]
    seconds = measured.span[1] - measured.span[0]
    millions = measured.records / 1e6
    generator = measured.generator
    found: dict[str, Any] = {
        "engine": measured.engine,
        "tps": measured.tps,
        "seconds": round(seconds, 1),
        "records": measured.records,
        "alerts": len(pairs),
        "latency_ms": _percentiles([ms for _, ms in pairs]),
        "handovers": len(measured.handovers),
        "near_handovers_ms": _percentiles(near),
        "handover_gap_ms": _percentiles(measured.gaps_ms),
        "latency_over_time": over_time(pairs, measured.span[0]),
        "freshness_s": _freshness(measured.samples),
        "lag_records": _lag(measured.samples),
        "lag_grows": lag_grows([sample.lag for sample in measured.samples], measured.tps),
        "cpu_s_per_million": _per(measured.cpu_s, millions),
        "cores_busy": round(sum(measured.cpu_s.values()) / max(1e-9, seconds), 2),
        "memory_mb": {name: round(value) for name, value in sorted(measured.memory_mb.items())},
        "memory_together_mb": round(measured.together_mb),
        "bytes_a_record": {
            name: round(grown / max(1, measured.records), 1)
            for name, grown in measured.written.items()
        },
        "generator_slip_ms": {
            name: generator.get(f"slip_{name}_ms") for name in ("p99", "max")
        },
        "generator_us_a_record": generator.get("cpu_us_per_record"),
        "has_sent": measured.has_sent,
        "has_settled": measured.has_settled,
    }  # fmt: skip
    found["problems"] = problems(found)
    return found


def problems(found: Mapping[str, Any]) -> list[str]:
    """What makes a load's figures unfit, or the pipeline late near hand-overs, in words."""
    named = []
    if not found["alerts"]:
        named.append("no alert was seen")
    if not found["has_sent"]:
        named.append("the generator could not send all")
    if not found["has_settled"]:
        named.append(
            "not all that was sent was done before waiting ended; later alerts are not counted"
        )
    slip = found["generator_slip_ms"]["p99"]
    if slip is not None and slip > _SLIP_MS:
        named.append(f"the generator fell behind its schedule: p99 {slip:.0f} ms")
    near = found["near_handovers_ms"].get("p99", 0.0)
    if near >= NEAR_P99_MS:
        named.append(f"p99 near hand-overs is {near:.0f} ms, not below {NEAR_P99_MS:.0f}")
    return named


def carries(found: Mapping[str, Any]) -> bool:
    """Whether the engine carried the load: p95 below half a second, all done, and no growing lag."""
    p95 = found["latency_ms"].get("p95")
    is_through = found["has_sent"] and found["has_settled"] and not found["lag_grows"]
    return p95 is not None and p95 < P95_MS and is_through


def lag_grows(lags: Sequence[int], tps: float) -> bool:
    """Whether the last third of the lags stands higher than the first, by `_GROWS_S` of stream."""
    third = len(lags) // 3
    if not third:
        return False
    return median(lags[-third:]) - median(lags[:third]) > _GROWS_S * tps


def handover_spans(finals: Sequence[Entry], owners: Sequence[Entry]) -> list[Span]:
    """Around each window's end: from its first final record to its last successor."""
    windows: dict[int, list[float]] = {}
    for final in finals:
        later = [o.at for o in owners if o.group == final.group and o.at >= final.at]
        if later:
            windows.setdefault(final.term.window, []).extend((final.at / 1000, min(later) / 1000))
    return [(min(ats) - BEFORE_S, max(ats) + AFTER_S) for _, ats in sorted(windows.items())]


def _percentiles(values_ms: Sequence[float]) -> dict[str, float]:
    return percentiles([round(ms) for ms in values_ms])


def _freshness(samples: Sequence[Sample]) -> dict[str, dict[str, float]]:
    layers = sorted({layer for sample in samples for layer in sample.freshness_s})
    found = {}
    for layer in layers:
        seconds = [s.freshness_s[layer] for s in samples if layer in s.freshness_s]
        found[layer] = {"p50": round(median(seconds), 1), "max": round(max(seconds), 1)}
    return found


def _lag(samples: Sequence[Sample]) -> dict[str, float]:
    lags = [sample.lag for sample in samples]
    return {"p50": median(lags), "max": max(lags)} if lags else {}


def _per(seconds: Mapping[str, float], millions: float) -> dict[str, float]:
    """Processor seconds a million records, by component and together."""
    each = {name: round(value / max(1e-9, millions), 1) for name, value in sorted(seconds.items())}
    return {**each, "together": round(sum(each.values()), 1)}
