"""Alert latency across hand-overs: `python -m fraudstream_tests.benchmarks.handovers`.

The whole embedded stack under an open-loop stream, for as many hand-overs as asked. An outside
read_committed consumer takes the latency of every alert from its intended sending on; those that it
saw around a hand-over are told apart. In the end the proof is made. `make handovers` runs it.
"""

from __future__ import annotations

import json
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from fraudstream_platform.defs.metadata import percentiles
from fraudstream_platform.drain.alerts_cli import stream_alerts
from fraudstream_platform.drain.journal import Entry
from fraudstream_platform.local.ports import settings_on_free_ports
from fraudstream_platform.measuring.generator import Simulator
from fraudstream_platform.measuring.probe import AlertProbe
from fraudstream_platform.measuring.watch import Watch
from fraudstream_platform.settings import Settings
from fraudstream_platform.verify.proof import Finding, prove
from fraudstream_tests.faults.rounds import stack
from fraudstream_tests.waiting import until

_BEFORE_S, _AFTER_S = 0.5, 2.0
"""An alert seen so long before a group's final record, or after its successor's first, is near."""
_FIRST_ALERT_S = 180
_SETTLE_S = 240
_P99_AT_MOST_MS = 1000.0
_ALL = 10**9

Span = tuple[float, float]


def main(
    handovers: Annotated[int, typer.Option(help="Stop after so many.", min=1)] = 20,
    tps: Annotated[float, typer.Option(help="Transactions a second.", min=1)] = 5_000.0,
    window: Annotated[int, typer.Option(help="Seconds; divides an hour.", min=10)] = 60,
    lead: Annotated[int, typer.Option(help="WARM_LEAD_SECONDS.", min=5)] = 40,
    report: Annotated[Path, typer.Option(help="Where the JSON goes.")] = Path("handovers.json"),
) -> None:
    """Measure, print and write; exit status 1 where p99 near hand-overs is not below a second."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends what it started, too
    folder = Path(tempfile.mkdtemp(prefix="fraudstream-handovers-"))
    settings = settings_on_free_ports(
        folder / "data", drain_window_seconds=window, warm_lead_seconds=lead
    )
    with stack(settings) as watch:
        probe = AlertProbe(settings)
        simulator = Simulator.start(settings, tps, None)
        try:
            until(lambda: probe.alerts > 0, _FIRST_ALERT_S, "a first alert")
            before = watch.handovers()
            wanted = before + handovers
            deadline_s = (handovers + 3) * window + _FIRST_ALERT_S
            until(lambda: _seen(watch) >= wanted, deadline_s, f"{handovers} hand-overs")
            time.sleep(_AFTER_S + 1)  # alerts near the last one
        finally:
            simulator.stop()
        ends = watch.ends()
        until(lambda: watch.has_committed(ends), _SETTLE_S, "all that was sent is committed")
        findings, doubled = _proof(settings)
        probe.close()
        figures = _figures(watch, probe, sum(ends.values()))
    lost = [finding.rule for finding in findings if not finding.holds]
    figures |= {"tps": tps, "window_s": window, "lead_s": lead}
    figures |= {"verify_failed": lost, "alerts_doubled": len(doubled)}
    report.write_text(json.dumps(figures, indent=2) + "\n")
    Console().print_json(data=figures)
    late = figures["near_ms"].get("p99", 0.0) >= _P99_AT_MOST_MS
    if late or lost or doubled:
        raise typer.Exit(1)
    shutil.rmtree(folder)


def _proof(settings: Settings) -> tuple[list[Finding], list[str]]:
    """`verify`'s findings, and the ids of alerts that the topic has twice (read_committed)."""
    alerts = Counter(one["alert_id"] for one in stream_alerts(settings, _ALL, follow=False))
    return prove(settings, lambda _: None), [one for one, times in alerts.items() if times > 1]


def _seen(watch: Watch) -> int:
    watch.stepped()  # reads the journal on
    return watch.handovers()


def _figures(watch: Watch, probe: AlertProbe, records: int) -> dict[str, Any]:
    spans = handover_spans(watch.finals, watch.owners)
    pairs = list(zip(probe.seen_at, probe.latencies_ms, strict=True))
    near = [[ms for at, ms in pairs if start <= at <= end] for start, end in spans]
    return {
        "records": records,
        "handovers": watch.handovers(),
        "alerts": len(pairs),
        "all_ms": percentiles([round(ms) for _, ms in pairs]),
        "alerts_near": sum(len(values) for values in near),
        "near_ms": percentiles([round(ms) for values in near for ms in values]),
        "worst_by_handover_ms": sorted(round(max(values)) for values in near if values),
        "gap_ms": percentiles(watch.handover_gaps_ms()),
    }


def handover_spans(finals: Sequence[Entry], owners: Sequence[Entry]) -> list[Span]:
    """Epoch seconds around each window's end: from its first final record to its last successor."""
    windows: dict[int, list[float]] = {}
    for final in finals:
        later = [o.at for o in owners if o.group == final.group and o.at >= final.at]
        if later:
            windows.setdefault(final.term.window, []).extend((final.at / 1000, min(later) / 1000))
    return [(min(ats) - _BEFORE_S, max(ats) + _AFTER_S) for _, ats in sorted(windows.items())]


if __name__ == "__main__":
    typer.run(main)
