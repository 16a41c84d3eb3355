"""`fraudstream demo`: the whole pipeline on the embedded services, with a live view."""

from __future__ import annotations

import json
import signal
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live

from fraudstream_platform.demo.report import Collected, History, build_report, succeeded
from fraudstream_platform.demo.view import screen
from fraudstream_platform.drain.topics import setup
from fraudstream_platform.local import control
from fraudstream_platform.local.state import read_services
from fraudstream_platform.local.status_view import measured
from fraudstream_platform.measuring.generator import OLDEST_EVENT_DAYS, Simulator
from fraudstream_platform.measuring.probe import AlertProbe
from fraudstream_platform.measuring.waiting import wait_for
from fraudstream_platform.measuring.watch import Sample, Watch
from fraudstream_platform.settings import Settings, get_settings
from fraudstream_platform.verify.cli import findings_table
from fraudstream_platform.verify.proof import prove

_SETTLE_S = 90.0
_MARTS_S = 300.0
"""They run only when nobody else wants the processor: on a busy machine that takes its time."""
_MEMORY_EVERY_S = 30.0
_HISTORY_S = 300.0
_NETWORK_S = 300.0
MARTS_JOB = "marts"
NETWORK_JOB = "network"


def demo(
    seconds: Annotated[
        float | None, typer.Option(help="Length of the run; without it, until Ctrl-C.", min=10)
    ] = None,
    tps: Annotated[float, typer.Option(help="Transactions a second.", min=1)] = 500.0,
    report: Annotated[Path | None, typer.Option(help="Write the figures as JSON.")] = None,
) -> None:
    """Run the whole pipeline on embedded services, from simulated transactions to alerts."""
    base = get_settings()
    folder = (base.data_dir / "demo").resolve()
    settings = base.model_copy(update={"data_dir": folder, "oldest_event_days": OLDEST_EVENT_DAYS})
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console()
    try:
        outcome = Demo(settings, console, tps, seconds).run()
    except KeyboardInterrupt:
        console.print("Stopped; nothing stays behind.")
        raise typer.Exit(130) from None
    if report is not None:
        report.write_text(json.dumps(outcome, indent=2) + "\n")
    if outcome["problems"]:
        for problem in outcome["problems"]:
            console.print(f"[bold red]problem:[/] {problem}")
        raise typer.Exit(1)


class Demo:
    """One demo, from a fresh data folder to the report; whatever happens, all is ended."""

    def __init__(
        self, settings: Settings, console: Console, tps: float, seconds: float | None
    ) -> None:
        self._settings = settings
        self._console = console
        self._tps = tps
        self._seconds = seconds
        self._memory: dict[str, float] = {}
        self._memory_at = 0.0
        self._samples: list[Sample] = []

    def run(self) -> dict[str, Any]:
        """Start, send, settle, verify, report, end."""
        with ExitStack() as cleanup:
            control.reset(self._settings)
            cleanup.callback(control.down, self._settings)
            watch, probe = self._start(cleanup)
            history = self._tell_history(cleanup, watch)
            simulator = Simulator.start(self._settings, self._tps, self._seconds)
            cleanup.callback(simulator.stop)
            try:
                self._show(watch, probe, simulator, history)
            except KeyboardInterrupt:
                if self._seconds is not None:
                    raise
                simulator.stop()
            return self._finish(watch, probe, simulator, history)

    def _start(self, cleanup: ExitStack) -> tuple[Watch, AlertProbe]:
        with self._console.status("starting") as spinner:

            def say(supervisor: Any, entries: Any) -> None:
                ready = [one.name for one in entries if one.health == "up"]
                spinner.update(f"{supervisor.phase}: {' '.join(ready)}")

            control.up(self._settings, report=say)
            spinner.update("creating topics, schemas and tables")
            setup(self._settings)
            watch = Watch(self._settings)
            cleanup.callback(watch.close)
            probe = AlertProbe(self._settings)
            cleanup.callback(probe.close)
            spinner.update("waiting for the first window to open")
            wait_for(watch.is_open, 120, "no window opened", self._settings)
        return watch, probe

    def _tell_history(self, cleanup: ExitStack, watch: Watch) -> History:
        """Months of lives, so that baselines and slow frauds have something to stand on."""
        with self._console.status("telling 180 days of history") as spinner:
            began = time.monotonic()
            simulator = Simulator.tell_history(self._settings)
            cleanup.callback(simulator.stop)
            wait_for(
                lambda: simulator.has_ended, _HISTORY_S, "the history is not told", self._settings
            )
            told_s = time.monotonic() - began
            ends = watch.ends()
            spinner.update("draining the history")
            wait_for(
                lambda: watch.has_committed(ends), _HISTORY_S, "it is not drained", self._settings
            )
        return History(simulator.summary(), round(told_s, 1), time.time())

    def _show(
        self, watch: Watch, probe: AlertProbe, simulator: Simulator, history: History
    ) -> None:
        began: float | None = None
        before: Sample | None = None
        with Live(console=self._console, refresh_per_second=2, transient=False) as live:
            while not simulator.has_ended:
                sample = watch.sample()
                if sample.produced > history.records:
                    began = began or time.monotonic()
                    # Before its first live rows a table is as old as the history's end.
                    if max(sample.freshness_s.values(), default=0.0) < time.monotonic() - began:
                        self._samples.append(sample)
                self._measure_memory()
                title = _title(self._seconds, began)
                live.update(screen(self._settings, sample, before, probe, watch.handovers(), title))
                before = sample
                time.sleep(1.0)
        self._console.print()  # where it is no terminal, the view ends without a new line

    def _finish(
        self, watch: Watch, probe: AlertProbe, simulator: Simulator, history: History
    ) -> dict[str, Any]:
        settings = self._settings
        with self._console.status("waiting until everything sent is committed") as spinner:
            ends = watch.ends()
            wait_for(lambda: watch.has_committed(ends), _SETTLE_S, "the lake lags behind", settings)
            spinner.update("waiting for the network's profiles")
            wait_for(
                lambda: succeeded(settings, NETWORK_JOB, since_s=history.drained_at) > 0,
                _NETWORK_S,
                "no network refresh ended",
                settings,
            )
            wait_for(
                lambda: watch.sample().rows["gold.alerts"] >= probe.alerts,
                _SETTLE_S,
                "the alert table lags behind",
                settings,
            )
            spinner.update("waiting for the marts")
            wait_for(
                lambda: succeeded(settings, MARTS_JOB) > 0,
                _MARTS_S,
                "no marts run ended",
                settings,
            )
            spinner.update("verifying")
            findings = prove(settings, lambda text: spinner.update(f"verifying: {text}"))
        self._console.print(findings_table(findings))
        collected = Collected(
            summary=simulator.summary(),
            history=history,
            last=watch.sample(),
            samples=self._samples,
            findings=findings,
            memory_mb=self._memory,
            marts_runs=succeeded(settings, MARTS_JOB),
        )
        report = build_report(settings, collected, watch, probe)
        shown = {key: report[key] for key in ("produced", "latency_ms", "freshness_s", "handovers")}
        self._console.print(shown)
        return report

    def _measure_memory(self) -> None:
        if time.monotonic() - self._memory_at < _MEMORY_EVERY_S:
            return
        self._memory_at = time.monotonic()
        for name, value in measured(read_services(self._settings)).items():
            self._memory[name] = max(value, self._memory.get(name, 0.0))


def _title(seconds: float | None, began: float | None) -> str:
    if began is None:
        return "FraudStream · the simulator makes its stream ahead"
    if seconds is None:
        return "FraudStream"
    return f"FraudStream · {max(0, seconds - time.monotonic() + began):.0f} s left"
