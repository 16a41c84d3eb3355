"""The command that runs the simulator."""

from __future__ import annotations

import json
import re
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from fraudstream_platform.settings import get_settings
from fraudstream_platform.simulator.injector import QUICK_PATTERNS
from fraudstream_platform.simulator.producer import TICK_S, ProduceError, Simulation, start_ms
from fraudstream_platform.simulator.stream import StreamConfig

_CUSTOMERS = 600
_BATCH_SLOTS = 2_000


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
        QUICK_PATTERNS
    ),
    seed: Annotated[int, typer.Option(help="Everything follows from it.")] = 1,
    customers: Annotated[
        int, typer.Option(help="Population; 0: each customer comes up every ten minutes.", min=0)
    ] = 0,
    time_scale: Annotated[
        float | None,
        typer.Option(
            help="Factor on the duration of attacks; default: each takes 10-40 s; "
            "1: a world of people in true time (a low --tps)."
        ),
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="Write the attacks to this file (JSON lines).")
    ] = None,
    summary: Annotated[Path | None, typer.Option(help="Write the summary to this file.")] = None,
    lead: Annotated[
        float,
        typer.Option(help="Seconds of the stream that are made before its clock starts.", min=0),
    ] = 0.0,
    history: Annotated[
        str | None,
        typer.Option(
            help="Send the past, such as 180d, at full speed: a world of --customers in true time "
            "that ends now. OLDEST_EVENT_DAYS must reach as far back."
        ),
    ] = None,
    finale: Annotated[
        bool,
        typer.Option(help="End the --history with blatant attacks of each pattern."),
    ] = False,
    bad_rate: Annotated[
        float, typer.Option(help="Share of deliberately bad records.", min=0.0, max=0.5)
    ] = 0.0,
) -> None:
    """Send simulated transactions, with fraud injected, at their intended times."""
    names = tuple(name.strip() for name in patterns.split(",") if name.strip())
    settings = get_settings()
    try:
        config = _past(
            history, settings.oldest_event_days, seed, customers, fraud_rate, names, finale
        ) or StreamConfig(
            seed=seed,
            tps=tps,
            count=round(tps * seconds) if count is None else count,
            start_ms=start_ms(tps, lead),
            fraud_rate=fraud_rate,
            patterns=names,
            customers=customers,
            time_scale=time_scale,
            batch_slots=max(1, int(tps * TICK_S)),
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    try:
        simulation = Simulation(
            settings, config, truth=truth, bad_rate=bad_rate, lead_s=lead, paced=history is None
        )
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


def _past(
    history: str | None,
    oldest_event_days: int,
    seed: int,
    customers: int,
    fraud_rate: float,
    patterns: tuple[str, ...],
    finale: bool,
) -> StreamConfig | None:
    """The world of `--history`; raises ValueError where it cannot be or would be quarantined."""
    if history is None:
        return None
    found = re.fullmatch(r"([1-9][0-9]{0,3})d", history)
    if found is None:
        raise ValueError(f"--history {history}: a number of days is needed, such as 180d")
    days = int(found[1])
    if days >= oldest_event_days:
        raise ValueError(
            f"--history {history} goes further back than OLDEST_EVENT_DAYS={oldest_event_days}: "
            f"set it to {days + 1} or more, here and for the pipeline"
        )
    return StreamConfig.history(
        seed, days, customers or _CUSTOMERS, int(time.time() * 1000),
        fraud_rate=fraud_rate, patterns=patterns, batch_slots=_BATCH_SLOTS, finale=finale,
    )  # fmt: skip
