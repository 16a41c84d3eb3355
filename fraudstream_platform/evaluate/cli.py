"""The command that evaluates the detector."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from fraudstream_platform.errors import UserError
from fraudstream_platform.evaluate.pool import run_worlds
from fraudstream_platform.evaluate.report import build_report
from fraudstream_platform.evaluate.table import report_view
from fraudstream_platform.evaluate.worlds import PRESETS, Preset, plan
from fraudstream_platform.simulator.hands import Injector


class PresetName(StrEnum):
    """Seeds and ranges."""

    TUNING = "tuning"
    REPORTING = "reporting"


class InjectorName(StrEnum):
    """Whose attacks."""

    FIRST = "first"
    HELDOUT = "heldout"


def evaluate(
    seeds: Annotated[
        int, typer.Option(help="Seeds; each makes one world of every kind.", min=1)
    ] = 5,
    report: Annotated[Path, typer.Option(help="Write all figures as JSON.")] = Path(
        "evaluation.json"
    ),
    out: Annotated[Path | None, typer.Option(help="Draw the plots into this folder.")] = None,
    preset: Annotated[
        PresetName,
        typer.Option(help="Small worlds to tune on, or large unseen ones to report on."),
    ] = PresetName.TUNING,
    injector: Annotated[
        InjectorName,
        typer.Option(help="Attacks of the first hand, or of the one that never saw the detectors."),
    ] = InjectorName.FIRST,
) -> None:
    """Simulate worlds, step them through the detector, and measure what it found."""
    if not report.resolve().parent.is_dir():
        raise UserError(f"{report.parent}: no such folder")
    console = Console()
    run(PRESETS[preset.value], preset.value, seeds, report, out, console, injector.value)


def run(
    preset: Preset,
    name: str,
    seeds: int,
    report: Path,
    out: Path | None,
    console: Console,
    injector: Injector = "first",
) -> None:
    """Evaluate and write everything."""
    try:
        worlds = plan(preset, seeds, injector)
    except ValueError as error:
        raise UserError(f"--seeds: {error}") from None
    found, curves = build_report(run_worlds(worlds, console), name, injector)
    report.write_text(json.dumps(found, indent=2) + "\n")
    console.print(report_view(found))
    files = [report]
    if out is not None:
        from fraudstream_platform.evaluate.plots import draw

        files += draw(found, curves, out)
    console.print(f"Written: {', '.join(map(str, files))}")
