"""`python -m fraudstream_tests.faults`: many rounds on one stack, a line each, a table in the end."""

from __future__ import annotations

import shutil
import signal
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from fraudstream_platform.local.ports import settings_on_free_ports
from fraudstream_platform.verify.cli import findings_table
from fraudstream_tests.faults.rounds import Round, one_round, proof, stack, transactions
from fraudstream_tests.faults.victims import KINDS, schedule


def main(
    rounds: Annotated[int, typer.Option(help="Rounds of each kind.", min=1)] = 1,
    kinds: Annotated[str, typer.Option(help="Comma-separated.")] = ",".join(KINDS),
    tps: Annotated[float, typer.Option(help="Transactions a second meanwhile.", min=1)] = 2_000.0,
    seed: Annotated[int, typer.Option(help="Order and waits follow from it.")] = 1,
) -> None:
    """Kill parts of a running pipeline, and prove that nothing was lost or doubled."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends what it started, too
    console = Console()
    done: list[Round] = []
    folder = Path(tempfile.mkdtemp(prefix="fraudstream-faults-"))
    console.print(f"data and logs, kept where a round fails: {folder}")
    places = folder / "crash-points"
    places.mkdir()
    settings = settings_on_free_ports(folder / "data", crash_points_dir=str(places))
    with stack(settings) as watch:
        with transactions(settings, watch, tps):
            for kind, wait_s in schedule(kinds.split(","), rounds, seed):
                time.sleep(wait_s)
                done.append(one_round(settings, watch, kind))
                console.print(f"{len(done):>3} {done[-1]}", highlight=False)
        findings, doubled = proof(settings)
    console.print(_table(done))
    console.print(findings_table(findings))
    console.print(f"seed {seed}, {tps:.0f} a second; alerts doubled on the topic: {len(doubled)}")
    if doubled or not all(finding.holds for finding in findings):
        raise typer.Exit(1)
    shutil.rmtree(folder)


def _table(done: list[Round]) -> Table:
    heads = ("killed", "rounds", "stepped again after", "committed after", "worst alert latency")
    table = Table(*heads, title="median / worst, seconds")
    for kind in dict.fromkeys(one.kind for one in done):
        own = [one for one in done if one.kind == kind]
        figures = [
            [one.stepped_s for one in own],
            [one.committed_s for one in own],
            [one.worst_latency_ms / 1000 for one in own],
        ]
        cells = [f"{median(values):.1f} / {max(values):.1f}" for values in figures]
        table.add_row(kind, str(len(own)), *cells)
    return table


if __name__ == "__main__":
    typer.run(main)
