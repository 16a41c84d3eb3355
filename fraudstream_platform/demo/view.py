"""The demo's live view."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from fraudstream_platform.defs.metadata import percentiles
from fraudstream_platform.drain.alerts_cli import alert_line
from fraudstream_platform.measuring.probe import AlertProbe
from fraudstream_platform.measuring.watch import Sample
from fraudstream_platform.settings import Settings


def screen(
    settings: Settings,
    sample: Sample | None,
    before: Sample | None,
    probe: AlertProbe,
    handovers: int,
    title: str,
) -> Group:
    """Figures above, newest alerts with their reasons below."""
    figures = Table.grid(padding=(0, 3))
    figures.add_row(*(Text(name, style="dim") for name in _HEADS))
    figures.add_row(*_values(sample, before, probe, handovers))
    parts: list[RenderableType] = [
        Panel(figures, title=title, border_style="cyan"),
        _layers(sample),
        Panel(
            "\n".join(alert_line(alert) for alert in reversed(probe.newest)) or "none yet",
            title="newest alerts",
            border_style="red",
        ),
        Text(
            f"Dagster http://127.0.0.1:{settings.port_base}   "
            f"dbt docs http://127.0.0.1:{settings.port_base + 6}   Ctrl-C ends everything",
            style="dim",
        ),
    ]
    return Group(*parts)


_HEADS = ("transactions/s", "in all", "alerts", "p50 ms", "p95 ms", "p99 ms", "lag", "hand-overs")


def _values(
    sample: Sample | None, before: Sample | None, probe: AlertProbe, handovers: int
) -> list[str]:
    if sample is None:
        return ["…"] * len(_HEADS)
    rate = 0.0
    if before is not None and sample.at > before.at:
        rate = (sample.produced - before.produced) / (sample.at - before.at)
    latency = percentiles([round(one) for one in probe.latencies_ms[-2000:]])
    return [
        f"{rate:,.0f}",
        f"{sample.produced:,}",
        f"{probe.alerts:,}",
        *(f"{latency[name]:,.0f}" if latency else "…" for name in ("p50", "p95", "p99")),
        f"{sample.lag:,}",
        str(handovers),
    ]


def _layers(sample: Sample | None) -> Table:
    table = Table("table", "rows", "freshness", box=None)
    if sample is None:
        return table
    layer_of = {"bronze.transactions": "bronze", "silver.transactions": "silver"}
    layer_of["gold.features"] = "gold"
    for name, rows in sample.rows.items():
        fresh = sample.freshness_s.get(layer_of.get(name, ""))
        table.add_row(name, f"{rows:,}", "" if fresh is None else f"{fresh:.1f} s")
    return table
