"""A peer as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from fraudstream_platform.bench import packages
from fraudstream_platform.bench.engines import Engine
from fraudstream_platform.errors import UserError
from fraudstream_platform.local import processes
from fraudstream_platform.local.environment import python_environment
from fraudstream_platform.local.spark import ONE_THREAD
from fraudstream_platform.settings import Settings


@dataclass
class EngineProcess:
    """A running peer; `ready` is the file that it makes once it reads, with its count of records."""

    process: subprocess.Popen[bytes]
    ready: Path
    log: Path
    _stepped: int = 0

    @classmethod
    def start(cls, settings: Settings, engine: Engine, group: int) -> EngineProcess:
        """Start it, with the threads that a task of the drain has."""
        folder = settings.data_dir.resolve() / "run"
        folder.mkdir(parents=True, exist_ok=True)
        ready = folder / f"{engine.name}-{group}.ready"
        ready.unlink(missing_ok=True)
        log = settings.data_dir.resolve() / "logs" / f"{engine.name}-{group}.log"
        groups = (str(group),) if engine.a_process_a_group else ()
        command = [sys.executable, "-m", engine.module, str(ready), *groups, *engine.arguments]
        environment = _environment(settings, engine)
        return cls(processes.spawn(command, environment, log, with_parent=True), ready, log)

    @property
    def pid(self) -> int:
        """Of its first process."""
        return self.process.pid

    def is_ready(self) -> bool:
        """Whether it reads; raises UserError where it has ended."""
        if self.process.poll() is not None:
            raise UserError(
                f"The engine ended with status {self.process.returncode}: see {self.log}"
            )
        return self.ready.exists()

    def stepped(self) -> int:
        """How many records it has stepped; raises UserError where it has ended."""
        if self.is_ready() and (text := self.ready.read_text()):  # empty while it is written
            self._stepped = int(text)
        return self._stepped

    def stop(self) -> None:
        """End it with everything below it."""
        if self.process.poll() is None:
            processes.end(processes.tree(psutil.Process(self.process.pid)), grace_s=10.0)
        self.process.wait(timeout=10)


def _environment(settings: Settings, engine: Engine) -> dict[str, str]:
    # Spark would start its own workers with whatever `python3` is.
    environment = python_environment(settings) | ONE_THREAD | {"PYSPARK_PYTHON": sys.executable}
    if engine.requirements is not None:
        own = packages.installed(engine.requirements, settings.services_dir)
        environment["PYTHONPATH"] = os.pathsep.join((str(own), environment["PYTHONPATH"]))
    return environment
