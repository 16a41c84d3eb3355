"""What each component of a running stack takes: processor time and memory, by its processes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from fraudstream_platform.local.processes import trees

Roots = Mapping[str, psutil.Process]
"""Service -> its first process."""

_CPU_EVERY_S = 1.0
_MEMORY_EVERY = 20
"""Every so many looks: adding up the pages of all processes takes a tenth of a second."""
_GONE = (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess)
_ROOTS = {"kafka": "broker", "code": "dagster", "webserver": "dagster", "daemon": "dagster"}


@dataclass
class Usage:
    """Follows processes from `begin` to `end`, in a thread of its own.

    Every process is asked once a second, so of one that ends less than a second of processor time
    is missed.
    """

    roots: Callable[[], Roots]
    """Asked at every look: services are started again, and an engine comes later."""
    memory_mb: dict[str, float] = field(default_factory=dict)
    """Highest proportional memory (PSS) of each component."""
    together_mb: float = 0.0
    """Highest of all of them at one moment."""

    def __post_init__(self) -> None:
        """Nothing is measured yet."""
        self._first: dict[tuple[int, float], float] = {}
        self._last: dict[tuple[int, float], float] = {}
        self._component: dict[tuple[int, float], str] = {}
        self._began = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="usage", daemon=True)

    def begin(self) -> None:
        """Count from now on."""
        self._look(with_memory=True)
        self._first = dict(self._last)
        self._thread.start()

    def end(self) -> None:
        """Count no further."""
        self._ended.set()
        self._thread.join(timeout=30)
        self._look(with_memory=True)

    def cpu_seconds(self) -> dict[str, float]:
        """Processor seconds of each component between `begin` and `end`."""
        found: dict[str, float] = {}
        for key, seconds in self._last.items():
            component = self._component[key]
            found[component] = found.get(component, 0.0) + seconds - self._first.get(key, 0.0)
        return found

    def _follow(self) -> None:
        look = 0
        while not self._ended.wait(_CPU_EVERY_S):
            look += 1
            self._look(with_memory=look % _MEMORY_EVERY == 0)

    def _look(self, *, with_memory: bool) -> None:
        memory: dict[str, float] = {}
        roots = self.roots()
        for service, members in trees(roots).items():
            for process in members:
                try:
                    key = (process.pid, process.create_time())
                    if key not in self._component:
                        is_java = process.name() == "java"
                        is_root = process.pid == roots[service].pid
                        self._component[key] = component(service, is_root=is_root, is_java=is_java)
                    times = process.cpu_times()
                    self._last[key] = times.user + times.system
                    if with_memory:
                        name = self._component[key]
                        memory[name] = memory.get(name, 0.0) + _pss_mb(process)
                except _GONE:
                    continue
        for name, megabytes in memory.items():
            self.memory_mb[name] = max(megabytes, self.memory_mb.get(name, 0.0))
        self.together_mb = max(self.together_mb, sum(memory.values()))


def component(service: str, *, is_root: bool, is_java: bool) -> str:
    """Whose a process is: below the code server are Dagster's runs, below Spark's JVM the tasks."""
    if service == "code" and not is_root:
        return "runs"
    if service == "spark" or service.startswith("engine"):
        return "spark" if is_java else "tasks"
    return _ROOTS.get(service, service)


def bytes_below(folders: Iterable[Path]) -> dict[str, int]:
    """Bytes of all files below each folder, by the folder's name; files that go meanwhile are none."""
    return {folder.name: sum(map(_size, folder.rglob("*"))) for folder in folders}


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


def _pss_mb(process: psutil.Process) -> float:
    info = process.memory_full_info()
    return float(getattr(info, "pss", info.rss)) / 2**20
