"""Benchmarks of a task's work run as tasks do: libraries have one thread each."""

from __future__ import annotations

import os
import sys

from fraudstream_platform.local.spark import ONE_THREAD


def run_with_one_thread(module: str) -> None:
    """Begin the module again where libraries may have more: they count threads when imported."""
    if any(os.environ.get(name) != value for name, value in ONE_THREAD.items()):
        command = [sys.executable, "-m", module, *sys.argv[1:]]
        os.execve(sys.executable, command, {**os.environ, **ONE_THREAD})
