"""Runs worlds in two processes at most, and shows how far they are."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import replace
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fraudstream_platform.evaluate.figures import Figures, figures_of
from fraudstream_platform.evaluate.findings import no_findings
from fraudstream_platform.evaluate.observe import observe
from fraudstream_platform.evaluate.sampling import Sampler
from fraudstream_platform.evaluate.worlds import World
from fraudstream_platform.network.find import find as find_groups

MOST_PROCESSES = 2
_LOOK_S = 1.0
_done: Any = None


def _share(counter: Any) -> None:
    """Give a worker the counter that the bar follows."""
    global _done
    _done = counter


def _tell(rows: int) -> None:
    if _done is not None:
        with _done.get_lock():
            _done.value += rows


def run_world(world: World) -> Figures:
    """One world, from its generator to its figures."""
    began = time.monotonic()
    sampler = Sampler(world.seed, world.config.count) if world.kind.is_main else None
    find = find_groups if world.kind.has_groups else no_findings
    seen = observe(world, _tell, find, sampler)
    figures = figures_of(world, seen, sampler.sample() if sampler else None)
    return replace(figures, seconds=time.monotonic() - began)


def run_worlds(worlds: Sequence[World], console: Console) -> list[Figures]:
    """All worlds, in their order; the slowest begin first."""
    context = multiprocessing.get_context("spawn")
    counter = context.Value("q", 0)
    order = sorted(worlds, key=lambda world: -world.config.count)
    with (
        Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TimeRemainingColumn(), console=console,
        ) as progress,
        ProcessPoolExecutor(MOST_PROCESSES, context, _share, (counter,)) as pool,
    ):  # fmt: skip
        bar = progress.add_task("transactions", total=sum(w.config.count for w in worlds))
        runs = {pool.submit(run_world, world): world for world in order}
        waiting: set[Future[Figures]] = set(runs)
        while waiting:
            finished, waiting = wait(waiting, _LOOK_S, FIRST_COMPLETED)
            progress.update(bar, completed=counter.value)
            for run in finished:
                if run.exception() is not None:  # a world that failed ends the evaluation
                    pool.shutdown(cancel_futures=True)
                done = run.result()
                if not console.is_terminal:  # a log shows no bar
                    console.print(
                        f"{done.world}, seed {done.seed}: {done.transactions:,} transactions counted "
                        f"after {done.seconds:.0f} s"
                    )
        progress.update(bar, total=counter.value, completed=counter.value)
    by_world = {(w.kind.name, w.seed): run.result() for run, w in runs.items()}
    return [by_world[world.kind.name, world.seed] for world in worlds]
