"""The command that runs the simulator."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from fraudstream_platform.settings import get_settings
from fraudstream_platform.simulator.injector import PATTERNS
from fraudstream_platform.simulator.producer import TICK_S, ProduceError, Simulation, start_ms
from fraudstream_platform.simulator.stream import StreamConfig


def produce(
    tps: Annotated[float, typer.Option(help="Transactions a second.", min=0.1)] = 1_000.0,
    seconds: Annotated[float, typer.Option(help="Length of the run.", min=0.0)] = 60.0,
    count: Annotated[
        int | None, typer.Option(help="Exact number of records, instead of --seconds.", min=0)
    ] = None,
    fraud_rate: Annotated[
        float, typer.Option(help="Share of fraudulent transactions.", min=0.0, max=0.5)
    ] = 0.005,
    patterns: Annotated[str, typer.Option(help="Comma-separated fraud patterns.")] = ",".join(
        PATTERNS
    ),
    seed: Annotated[int, typer.Option(help="Everything follows from it.")] = 1,
    customers: Annotated[
        int, typer.Option(help="Population; 0: each customer comes up every ten minutes.", min=0)
    ] = 0,
    time_scale: Annotated[
        float | None,
        typer.Option(help="Factor on the duration of attacks; default: each takes 10-40 s."),
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="Write the attacks to this file (JSON lines).")
    ] = None,
    summary: Annotated[Path | None, typer.Option(help="Write the summary to this file.")] = None,
    lead: Annotated[
        float,
        typer.Option(help="Seconds of the stream that are made before its clock starts.", min=0),
    ] = 0.0,
    bad_rate: Annotated[
        float, typer.Option(help="Share of deliberately bad records.", min=0.0, max=0.5)
    ] = 0.0,
) -> None:
    """Send simulated transactions, with fraud injected, at their intended times."""
    try:
        config = StreamConfig(
            seed=seed,
            tps=tps,
            count=round(tps * seconds) if count is None else count,
            start_ms=start_ms(tps, lead),
            fraud_rate=fraud_rate,
            patterns=tuple(name.strip() for name in patterns.split(",") if name.strip()),
            customers=customers,
            time_scale=time_scale,
            batch_slots=max(1, int(tps * TICK_S)),
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    try:
        simulation = Simulation(get_settings(), config, truth=truth, bad_rate=bad_rate, lead_s=lead)
    except ProduceError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    failure = ""
    try:
        simulation.run()
    except ProduceError as error:
        failure = str(error)
    if summary is not None:
        simulation.summary.write(summary)
    typer.echo(json.dumps(asdict(simulation.summary)))
    if failure:
        typer.echo(failure, err=True)
        raise typer.Exit(1)
