"""The report as Markdown: the machine, latencies, costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fraudstream_platform.bench.engines import ENGINES

_SPREAD = ("p50", "p95", "p99", "p999", "max")


def page(report: Mapping[str, Any]) -> str:
    """The whole page."""
    machine, loads = report["machine"], report["loads"]
    where = (
        f"{machine['cores']} x {machine['processor']}, {machine['memory_gb']} GB, Linux "
        f"{machine['kernel']}, Python {machine['python']}; load before: {machine['load_before']}. "
        "Broker, generator and everything else ran on it too."
    )
    parts = [
        f"`{report['command']}`",
        where,
        _table(_LATENCY_HEAD, [_latency(load) for load in loads]),
        "Milliseconds from the intended sending to an outside read_committed consumer.",
        _table(_COST_HEAD, [_cost(load) for load in loads]),
        "Processor seconds a million records; MB are the highest proportional memory at one moment.",
        "\n".join(f"- {name}: {ENGINES[name].says}." for name in _names(loads)),
    ]
    for name, tps in report["highest_carried"].items():
        parts.append(f"Highest rate carried by {name}: {tps:,.0f} a second.")
    parts += [f"**Problem:** {problem}" for problem in report["problems"]]
    return "\n\n".join(parts) + "\n"


_LATENCY_HEAD = (
    "engine", "records/s", "alerts", "p50", "p95", "p99", "p99.9", "worst", "hand-overs",
    "p99 near them", "worst freshness of Gold",
)  # fmt: skip
_COST_HEAD = ("engine", "records/s", "cores busy", "each component", "together", "MB")


def _latency(load: Mapping[str, Any]) -> list[str]:
    gold = load["freshness_s"].get("gold")
    return [
        load["engine"],
        f"{load['tps']:,.0f}",
        f"{load['alerts']:,}",
        *(_ms(load["latency_ms"], one) for one in _SPREAD),
        str(load["handovers"]),
        _ms(load["near_handovers_ms"], "p99"),
        f"{gold['max']} s" if gold else "",
    ]


def _cost(load: Mapping[str, Any]) -> list[str]:
    cpu = dict(load["cpu_s_per_million"])
    together = cpu.pop("together")
    each = ", ".join(f"{name} {seconds:g}" for name, seconds in cpu.items())
    rate, cores = f"{load['tps']:,.0f}", f"{load['cores_busy']}"
    return [load["engine"], rate, cores, each, f"{together:g}", f"{load['memory_together_mb']:,}"]


def _ms(values: Mapping[str, float], name: str) -> str:
    return f"{values[name]:,.0f}" if name in values else ""


def _names(loads: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(load["engine"] for load in loads))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
