"""What a round does to the pipeline: whom it kills, from outside or at a named place, or stops.

A process that is stopped (SIGSTOP) looks dead to everybody, and goes on later as if nothing had
happened: an owner of which there are two.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from fraudstream_platform.drain.crash_points import PLACES, Place, taken_file
from fraudstream_platform.local.state import read_services
from fraudstream_platform.settings import Settings
from fraudstream_tests.faults.others import (
    Compaction,
    execute_an_old_run_again,
    leave_a_transaction_open,
    queue_a_job_and_die,
    set_the_clock_back,
)

_LOOK_S = 1.0
_TAKEN_WITHIN_S = 200.0
"""More than a window: some places are passed once in each."""


def _service(settings: Settings, name: str) -> psutil.Process:
    (found,) = [entry for entry in read_services(settings) if entry.name == name]
    return psutil.Process(found.pid)


def _runs(settings: Settings) -> list[int]:
    """Processes of runs, oldest first: the first one's tasks own the groups."""
    runs = []
    for child in _service(settings, "code").children():
        try:
            if "spawn_main" in " ".join(child.cmdline()):
                runs.append((child.create_time(), child.pid))
        except psutil.Error:  # it has just ended
            continue
    return [pid for _, pid in sorted(runs)]


def _run(settings: Settings) -> list[int]:
    return _runs(settings)[:1]


def _runs_and_code_server(settings: Settings) -> list[int]:
    """All at once, so that nobody is left to tell Dagster that the runs have ended."""
    return [*_runs(settings), _service(settings, "code").pid]


def _spark_server(settings: Settings) -> list[int]:
    return [_service(settings, "spark").pid]


def _spark_worker(settings: Settings) -> list[int]:
    """The busiest Python worker, which steps an owner's or a standby's records."""
    before = _worker_seconds(settings)
    time.sleep(_LOOK_S)
    used = {pid: s - before[pid] for pid, s in _worker_seconds(settings).items() if pid in before}
    return [max(used, key=lambda pid: used[pid])] if used else []


def _worker_seconds(settings: Settings) -> dict[int, float]:
    """CPU seconds of Spark's Python workers, by pid; who ends meanwhile is left out."""
    seconds = {}
    for process in _service(settings, "spark").children(recursive=True):
        try:
            if "worker_daemon" in " ".join(process.cmdline()):
                seconds[process.pid] = sum(process.cpu_times()[:2])
        except psutil.Error:
            continue
    return seconds


def _of_service(name: str) -> Callable[[Settings], list[int]]:
    return lambda settings: [_service(settings, name).pid]


VICTIMS: dict[str, Callable[[Settings], list[int]]] = {
    "run": _run,
    "worker": _spark_worker,
    "spark": _spark_server,
    "run+code": _runs_and_code_server,
    "daemon": _of_service("daemon"),
    "broker": _of_service("kafka"),
    "registry": _of_service("registry"),
}
"""Killed at any moment."""
ZOMBIE = "zombie"
"""The busiest worker, stopped until somebody else has done its work."""
AT_PLACES: dict[str, Place] = {f"at-{place.replace('_', '-')}": place for place in PLACES}
"""Killed by itself where it passes a crash point."""
COMPACTION = "compaction"
"""Compactions go on while a committer dies between two tables and another repeats its commits; they
die too, anywhere and between a file and its commit."""
AGAIN, OLD_JOB, HANGING, CLOCK = "re-executed", "dead-client", "hanging", "clock"
"""A run of the past is executed again; a client asks for tasks of the past and dies; a transaction
is left open over alerts and journal; append times step back."""
REGISTRY_AND_WORKER = "registry+worker"
"""The registry does not answer, and the busiest worker dies while its next records wait for it."""
KINDS = (
    *VICTIMS,
    ZOMBIE,
    *AT_PLACES,
    COMPACTION,
    AGAIN,
    OLD_JOB,
    HANGING,
    CLOCK,
    REGISTRY_AND_WORKER,
)


@dataclass(frozen=True)
class Blow:
    """What was done, and what is left to be done once the pipeline has gone on without it."""

    afterwards: Callable[[], object] | None = None


def strike(settings: Settings, kind: str, seed: int) -> Blow:
    """Do what `kind` says, its chances from `seed`.

    Raises TimeoutError where nobody came by the place that was armed.
    """
    if kind in AT_PLACES:
        _die_at(settings, AT_PLACES[kind])
    elif kind == ZOMBIE:
        pids = _signal(_spark_worker(settings), signal.SIGSTOP)
        return Blow(lambda: _signal(pids, signal.SIGCONT))
    elif kind == COMPACTION:
        compaction = Compaction(settings)
        _die_at(settings, "between_tables")
        return Blow(compaction.kill)
    elif kind == AGAIN:
        execute_an_old_run_again(settings, random.Random(seed))  # nosec B311
    elif kind == OLD_JOB:
        queue_a_job_and_die(settings)
    elif kind == HANGING:
        leave_a_transaction_open(settings)
    elif kind == CLOCK:
        set_the_clock_back(settings)
    elif kind == REGISTRY_AND_WORKER:
        _kill_a_worker_without_a_registry(settings, random.Random(seed))  # nosec B311
    else:
        _signal(VICTIMS[kind](settings), signal.SIGKILL)
    return Blow()


def _kill_a_worker_without_a_registry(settings: Settings, chance: random.Random) -> None:
    """The registry is stopped for 12 s: time for a record of a schema that nobody knows yet."""
    registry = [_service(settings, "registry").pid]
    dies_after_s = chance.uniform(5.0, 11.0)
    _signal(registry, signal.SIGSTOP)
    try:
        time.sleep(dies_after_s)
        _signal(_spark_worker(settings), signal.SIGKILL)
        time.sleep(12.0 - dies_after_s)
    finally:
        _signal(registry, signal.SIGCONT)


def _signal(pids: list[int], number: signal.Signals) -> list[int]:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
    return pids


def _die_at(settings: Settings, place: Place) -> None:
    taken = taken_file(settings, place)
    taken.unlink(missing_ok=True)
    armed = taken.with_name(place)
    armed.touch()
    deadline = time.monotonic() + _TAKEN_WITHIN_S
    while not taken.exists():
        if time.monotonic() > deadline:
            armed.unlink(missing_ok=True)
            raise TimeoutError(f"nobody came by {place} within {_TAKEN_WITHIN_S:.0f} s")
        time.sleep(0.02)


def schedule(kinds: list[str], rounds: int, seed: int) -> list[str]:
    """Which kind when: as often as each other, shuffled."""
    order = [kinds[place % len(kinds)] for place in range(rounds)]
    random.Random(seed).shuffle(order)  # nosec B311
    return order
