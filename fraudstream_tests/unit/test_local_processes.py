"""Processes are started clean, found again and ended with everything below them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from fraudstream_platform.local import processes
from fraudstream_platform.local.environment import MARKER
from fraudstream_platform.local.processes import Identity

pytestmark = pytest.mark.unit

SLEEP = "import time; print('ready', flush=True); time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEP
PARENT = (
    "import subprocess, sys, time;"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'],"
    " start_new_session=True); print('ready', flush=True); time.sleep(60)"
)


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "condition did not come true"
        time.sleep(0.02)


def start(code: str, tmp_path: Path, marker: str) -> subprocess.Popen[bytes]:
    log = tmp_path / "child.log"
    environment = os.environ | {MARKER: marker}
    popen = processes.spawn([sys.executable, "-c", code], environment, log)
    wait_for(lambda: "ready" in log.read_text())
    return popen


def test_a_child_of_a_shell_that_ignores_signals_still_ends_on_sigterm(tmp_path: Path) -> None:
    """Guards: `fraudstream up &` in a script leaving servers that only SIGKILL can end."""
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        popen = start(SLEEP, tmp_path, "signals")
    finally:
        signal.signal(signal.SIGTERM, before)
    popen.terminate()
    assert popen.wait(5) == -signal.SIGTERM


def test_a_process_that_ignores_sigterm_is_killed_after_its_grace(tmp_path: Path) -> None:
    """Guards: a hung service that makes `down` wait for ever."""
    popen = start(STUBBORN, tmp_path, "stubborn")
    processes.end([psutil.Process(popen.pid)], grace_s=0.3)
    assert not psutil.pid_exists(popen.pid)
    popen.wait(5)


def test_the_marker_finds_descendants_that_left_the_session(tmp_path: Path) -> None:
    """Guards: runs and workers left behind when the process that started them was killed."""
    marker = str(tmp_path)
    popen = start(PARENT, tmp_path, marker)
    wait_for(lambda: len(processes.marked(marker)) == 2)
    popen.kill()
    popen.wait(5)
    left = processes.marked(marker)
    assert len(left) == 1
    processes.end(left, grace_s=5)
    assert processes.marked(marker) == []


def test_an_identity_never_names_a_process_that_reused_the_pid() -> None:
    """Guards: `down` after a reboot killing somebody else's process."""
    own = Identity.of(os.getpid())
    assert own is not None and own.process() is not None
    assert Identity(own.pid, own.created - 100).process() is None


def test_a_child_ends_with_its_parent_when_asked_to(tmp_path: Path) -> None:
    """Guards: brokers left behind by a test run that was killed."""
    code = (
        "import os, sys, time; from pathlib import Path;"
        "from fraudstream_platform.local import processes;"
        "processes.spawn([sys.executable, '-c', 'import time; time.sleep(60)'], os.environ,"
        f" Path({str(tmp_path / 'grandchild.log')!r}), with_parent=True);"
        "print('ready', flush=True); time.sleep(60)"
    )
    marker = str(tmp_path)
    popen = start(code, tmp_path, marker)
    wait_for(lambda: len(processes.marked(marker)) == 2)
    popen.kill()
    popen.wait(5)
    wait_for(lambda: processes.marked(marker) == [])


def test_one_look_finds_what_a_look_at_each_root_finds(tmp_path: Path) -> None:
    """Guards: processor time of a grandchild (a Python worker, a run) that nobody counts."""
    marker = str(tmp_path)
    roots = {name: psutil.Process(start(PARENT, tmp_path, marker).pid) for name in ("a", "b")}
    try:
        wait_for(lambda: len(processes.marked(marker)) == 4)
        found = processes.trees(roots)
        assert found == {name: processes.tree(root) for name, root in roots.items()}
        assert [len(members) for members in found.values()] == [2, 2]
    finally:
        processes.end(processes.marked(marker), grace_s=5)
