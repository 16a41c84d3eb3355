"""What a round kills: the pids of each part, found from outside."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable

import psutil

from fraudstream_platform.local.state import read_services
from fraudstream_platform.settings import Settings

_LOOK_S = 1.0


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


VICTIMS: dict[str, Callable[[Settings], list[int]]] = {
    "run": _run,
    "worker": _spark_worker,
    "spark": _spark_server,
    "run+code": _runs_and_code_server,
}


def kill(settings: Settings, kind: str) -> list[int]:
    """kill -9 of one kind's processes; returns their pids, none where there was none to kill."""
    pids = VICTIMS[kind](settings)
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return pids


def schedule(kinds: list[str], rounds: int, seed: int) -> list[tuple[str, float]]:
    """Which kind when: every kind `rounds` times, shuffled, each after a wait of 3-20 s."""
    chance = random.Random(seed)  # nosec B311
    order = kinds * rounds
    chance.shuffle(order)
    return [(kind, chance.uniform(3.0, 20.0)) for kind in order]
