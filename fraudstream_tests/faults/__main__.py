"""`python -m fraudstream_tests.faults`: rounds of faults, a line each, and a table in the end.

A stack lives for some dozens of rounds; then it is proven as a whole, and another one begins. What
is in the log of an interrupted trial is not done again: rounds count once their stack is proven.
"""

from __future__ import annotations

import random
import shutil
import signal
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from fraudstream_platform.local.ports import settings_on_free_ports
from fraudstream_platform.measuring.probe import AlertProbe
from fraudstream_platform.settings import Settings
from fraudstream_platform.verify.cli import findings_table
from fraudstream_platform.verify.proof import prove
from fraudstream_tests.faults.breaks import BREAKS, trial_of
from fraudstream_tests.faults.log import Log
from fraudstream_tests.faults.rounds import (
    Judge,
    Round,
    WrongError,
    one_round,
    stack,
    transactions,
)
from fraudstream_tests.faults.victims import KINDS, schedule

STACK_ROUNDS = 40
_PAUSE_S = 1.5
"""Blows come up to this long after the pipeline has recovered: at any point of a flush."""


def compact_settings(folder: Path) -> Settings:
    """Short windows, few partitions, quick leases: everything that a fault can hit comes often."""
    places = folder / "crash-points"
    places.mkdir()
    return settings_on_free_ports(
        folder / "data",
        crash_points_dir=str(places),
        topic_partitions=5,
        drain_groups=2,
        drain_window_seconds=30,
        warm_lead_seconds=20,
        flush_seconds=1.5,
        lease_seconds=4.0,
        run_lease_seconds=12.0,
        state_snapshot_seconds=5.0,
    )


def main(
    rounds: Annotated[int, typer.Option(help="Rounds in all.", min=1)] = 20,
    kinds: Annotated[str, typer.Option(help="Comma-separated.")] = ",".join(KINDS),
    tps: Annotated[float, typer.Option(help="Transactions a second meanwhile.", min=1)] = 200.0,
    seed: Annotated[int, typer.Option(help="Input and order of the faults follow from it.")] = 1,
    log: Annotated[Path, typer.Option(help="A line a round; goes on where it ended.")] = Path(
        "faults.jsonl"
    ),
    broken: Annotated[
        str,
        typer.Option(help=f"A deliberately broken build, which has to fail: {', '.join(BREAKS)}."),
    ] = "",
) -> None:
    """Hurt a running pipeline, and prove after every round that nothing was lost or doubled."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends what it started, too
    console = Console()
    if broken:
        _try_broken(console, broken, rounds, seed)
        return
    kept = Log(log, f"seed {seed}, {tps:.0f} a second, {kinds}")
    order = schedule(kinds.split(","), rounds, seed)
    done = kept.proven()
    if done:
        console.print(f"{len(done)} rounds are proven by {log}: going on from there")
    while len(done) < rounds:
        number = len(done)
        due = order[number : number + STACK_ROUNDS]
        done += _one_stack(console, kept, due, tps, seed * 1_000 + number)
    console.print(_table(done))
    kept.sum_up(done)


def _try_broken(console: Console, name: str, rounds: int, seed: int) -> None:
    """Exit status 1 where the trial lets the broken build pass."""
    if name not in BREAKS:
        raise typer.BadParameter(f"{name}: known are {', '.join(BREAKS)}")
    has_failed, words = trial_of(name, rounds, seed)
    console.print(words, highlight=False)
    if not has_failed:
        console.print(f"{name}: the trial did not find it")
        raise typer.Exit(1)
    console.print(f"{name}: found, as it has to be")


def _one_stack(console: Console, log: Log, kinds: list[str], tps: float, seed: int) -> list[Round]:
    """Rounds on one stack, proven in the end; the folder stays where anything fails."""
    done: list[Round] = []
    folder = Path(tempfile.mkdtemp(prefix="fraudstream-faults-"))
    console.print(f"data and logs, kept where a round fails: {folder}")
    settings = compact_settings(folder)
    chance = random.Random(seed)  # nosec B311
    began = time.monotonic()
    with stack(settings) as watch:
        with transactions(settings, watch, seed, tps) as sent:
            judge, probe = Judge(settings, sent), AlertProbe(settings)
            try:
                judge.submit()
                judge.result()  # its clients know their topics and schemas before anything is hurt
                for kind in kinds:
                    time.sleep(chance.uniform(0.0, _PAUSE_S))
                    done.append(one_round(settings, watch, probe, kind, chance.randrange(2**30)))
                    console.print(f"{len(done):>3} {_line(done[-1])}", highlight=False)
                    log.note(done[-1])
                    judge.submit()
                judge.result()
            except BaseException:
                judge.close()
                raise
            finally:
                probe.close()
        judge.submit(is_last=True)
        report = judge.result()
        judge.close()
        findings = prove(settings)
    if not all(finding.holds for finding in findings):
        console.print(findings_table(findings))
        raise WrongError("verify does not hold")
    took = time.monotonic() - began
    compared = dict(report.compared) if report is not None else {}
    console.print(f"{len(done)} rounds in {took:.0f} s; compared: {compared}", highlight=False)
    log.prove(compared, took)
    shutil.rmtree(folder)
    return done


def _line(one: Round) -> str:
    return (
        f"{one.kind:<18} {one.took_s:5.1f} s; stepped after {one.stepped_s:.1f}, committed after "
        f"{one.committed_s:.1f}, worst latency {one.worst_latency_ms / 1000:.1f}"
    )


def _table(done: Sequence[Round]) -> Table:
    heads = ("fault", "rounds", "took", "stepped again after", "committed after", "worst latency")
    table = Table(*heads, title="median / worst, seconds")
    for kind in dict.fromkeys(one.kind for one in done):
        own = [asdict(one) for one in done if one.kind == kind]
        figures = [
            [one[name] for one in own]
            for name in ("took_s", "stepped_s", "committed_s", "worst_latency_ms")
        ]
        figures[-1] = [value / 1000 for value in figures[-1]]
        cells = [f"{median(values):.1f} / {max(values):.1f}" for values in figures]
        table.add_row(kind, str(len(own)), *cells)
    return table


if __name__ == "__main__":
    typer.run(main)
