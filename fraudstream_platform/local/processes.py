"""Starting, finding, measuring and ending processes, with their children."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from fraudstream_platform.local.environment import MARKER
from fraudstream_platform.settings import PROJECT_ROOT

_LAUNCHER = Path(__file__).with_name("launch.py")
_GONE = (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess)


@dataclass(frozen=True)
class Identity:
    """A process id with its start time (epoch s), which together are never reused."""

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> Identity | None:
        """The identity of a running process, or None."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except _GONE:
            return None

    def process(self) -> psutil.Process | None:
        """The live process, or None when it ended (a reused pid is somebody else's)."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < 0.05
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except _GONE:
            return None


def spawn(
    command: list[str],
    environment: Mapping[str, str],
    log: Path,
    *,
    nice: int = 0,
    with_parent: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a command in a session of its own, its output appended to `log`.

    `with_parent` (Linux) ends it when the calling thread ends, however that happens.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    parent = os.getpid() if with_parent else 0
    launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), str(nice), str(parent)]
    with log.open("ab") as out:
        return subprocess.Popen(
            [*launcher, *command],
            env=dict(environment),
            cwd=PROJECT_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def tree(process: psutil.Process) -> list[psutil.Process]:
    """The process and everything below it, parents first."""
    try:
        return [process, *process.children(recursive=True)]
    except _GONE:
        return []


def trees(roots: Mapping[str, psutil.Process]) -> dict[str, list[psutil.Process]]:
    """`tree` of many roots, by one look at the machine's processes."""
    below: dict[int, list[psutil.Process]] = {}
    for process in psutil.process_iter():
        try:
            below.setdefault(process.ppid(), []).append(process)
        except _GONE:
            continue
    found = {}
    for name, root in roots.items():
        members = [root]
        for member in members:  # grows as it is walked
            members += below.get(member.pid, [])
        found[name] = members
    return found


def end(processes: Iterable[psutil.Process], grace_s: float) -> None:
    """SIGTERM to all, SIGKILL to those that are left after `grace_s` seconds."""
    alive = list(processes)
    for process in alive:
        _signal(process, hard=False)
    _, alive = psutil.wait_procs(alive, timeout=grace_s)
    for process in alive:
        _signal(process, hard=True)
    psutil.wait_procs(alive, timeout=5)


def marked(marker: str) -> list[psutil.Process]:
    """Processes started by the stack of this marker, whoever their parent is by now."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARKER) == marker:
                found.append(process)
        except (*_GONE, OSError):
            continue
    return found


def memory_mb(process: psutil.Process) -> float:
    """Proportional memory (PSS) of a process and its children, in MB."""
    total = 0
    for member in tree(process):
        try:
            info = member.memory_full_info()
            total += getattr(info, "pss", info.rss)
        except _GONE:
            continue
    return total / 2**20


def _signal(process: psutil.Process, *, hard: bool) -> None:
    try:
        if hard:
            process.kill()
        else:
            process.terminate()
    except _GONE:
        return
