"""`fraudstream bench`: engines under rates, measured from outside."""

from __future__ import annotations

import itertools
import json
import shlex
import signal
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from fraudstream_platform.bench.engines import ENGINES, Engine
from fraudstream_platform.bench.figures import carries, figures
from fraudstream_platform.bench.load.plan import history_count
from fraudstream_platform.bench.load.tape import Tape, tape
from fraudstream_platform.bench.machine import machine
from fraudstream_platform.bench.page import page
from fraudstream_platform.bench.plot import draw
from fraudstream_platform.bench.run import bench as running_bench
from fraudstream_platform.settings import Settings, get_settings

_OWN = "fraudstream"


@dataclass(frozen=True)
class _Stream:
    """What every engine is sent: the history, then load after load, alike for all."""

    tape: Tape
    history_count: int
    warm: float
    seconds: float

    def history(self) -> list[Path]:
        return self.tape.stretch(0, self.history_count)

    def load(self, load: int, tps: float) -> list[Path]:
        return self.tape.stretch(1 + load, round(tps * (self.warm + self.seconds)))


def bench(
    engine: Annotated[
        list[str], typer.Option(help=f"One after the other: {', '.join(ENGINES)}.")
    ] = [_OWN],  # noqa: B006 - typer's way of a list's default
    tps: Annotated[
        list[float], typer.Option(help="Transactions a second, one load after the other.", min=1)
    ] = [5_000.0],  # noqa: B006
    seconds: Annotated[float, typer.Option(help="Measured length of a load.", min=10)] = 300.0,
    warm: Annotated[float, typer.Option(help="Seconds of a load before that.", min=0)] = 20.0,
    cards: Annotated[
        int,
        typer.Option(
            help="Cards in use. Event time runs so fast that each pays every ten minutes of it.",
            min=1_000,
        ),
    ] = 200_000,
    window: Annotated[int, typer.Option(help="Seconds of a window; divides an hour.", min=10)] = 60,
    find_max: Annotated[
        bool,
        typer.Option(
            "--find-max", help="Raise the rate by --step until p95 is 500 ms or lag grows."
        ),
    ] = False,
    step: Annotated[float, typer.Option(help="Rise of the rate in --find-max.", min=1)] = 5_000.0,
    report: Annotated[Path, typer.Option(help="Folder of bench.json, bench.md and plots.")] = Path(
        "bench"
    ),
) -> None:
    """Measure engines on this machine; exit status 1 where a proof or a rate's figures fail."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends what it started, too
    unknown = sorted(set(engine) - set(ENGINES))
    if unknown:
        raise typer.BadParameter(f"unknown engine {unknown[0]}: known are {', '.join(ENGINES)}")
    base = get_settings()
    folder = (base.data_dir / "bench").resolve()
    settings = base.model_copy(update={"data_dir": folder, "drain_window_seconds": window})
    report.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {
        "command": shlex.join(["fraudstream", "bench", *sys.argv[2:]]),
        "machine": machine(),
        "loads": [],
        "highest_carried": {},
        "problems": [],
    }
    with tape(settings, folder.with_name("bench-load"), cards) as made:
        stream = _Stream(made, history_count(cards), warm, seconds)
        stream.history()
        # Where the rates are known, all is made before any engine starts.
        for load, rate in enumerate(tps[:1] if find_max else tps):
            stream.load(load, rate)
        for name in engine:
            rates = itertools.count(tps[0], step) if find_max else tps
            _measure(settings, ENGINES[name], rates, find_max, stream, report, found)
    Console().print(page(found))
    if found["problems"]:
        raise typer.Exit(1)


def _measure(
    settings: Settings,
    engine: Engine,
    rates: Iterable[float],
    find_max: bool,
    stream: _Stream,
    report: Path,
    found: dict[str, Any],
) -> None:
    """All loads of one engine, and the proof after the last; what was found is kept after each."""
    console = Console()
    problems: list[str] = found["problems"]
    highest: dict[str, float] = found["highest_carried"]
    with running_bench(settings, engine) as running:
        running.tell_history(stream.history())
        for load, tps in enumerate(rates):
            parts = stream.load(load, tps)
            console.print(f"{engine.name}: {tps:,.0f} a second for {stream.seconds:.0f} s")
            measured = running.load(tps, stream.warm, stream.seconds, parts)
            told = figures(measured)
            draw(measured, report / f"{engine.name}-{tps:.0f}.png")
            console.print({key: told[key] for key in ("latency_ms", "cores_busy", "problems")})
            found["loads"].append(told)
            if not find_max:
                problems += [f"{engine.name}, {tps:,.0f}: {one}" for one in told["problems"]]
            _write(report, found)
            if carries(told):
                highest[engine.name] = max(tps, highest.get(engine.name, 0.0))
            elif find_max:
                break
        problems += [f"{engine.name}: {one}" for one in running.offences()]
    _write(report, found)


def _write(report: Path, found: Mapping[str, Any]) -> None:
    (report / "bench.json").write_text(json.dumps(found, indent=2) + "\n")
    (report / "bench.md").write_text(page(found))
