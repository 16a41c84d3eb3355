"""What `fraudstream up`, `down` and `reset` do, seen from outside the supervisor."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from fraudstream_platform.errors import UserError
from fraudstream_platform.local import processes, state
from fraudstream_platform.local.catalogue import ALL
from fraudstream_platform.local.environment import MARKER, marker_value, python_environment
from fraudstream_platform.local.java import find_java
from fraudstream_platform.local.supervisor import SupervisorState, read_supervisor, state_file
from fraudstream_platform.settings import Settings

STOP_GRACE_S = 90.0
Report = Callable[[SupervisorState, list[state.ServiceState]], None]


def running(settings: Settings) -> SupervisorState | None:
    """The live supervisor of this DATA_DIR, or None."""
    found = read_supervisor(settings)
    return found if found is not None and found.identity.process() is not None else None


def up(
    settings: Settings,
    services: Iterable[str] = ALL,
    report: Report = lambda supervisor, entries: None,
) -> bool:
    """Start the supervisor and wait until all is healthy; False when it was up already."""
    if running(settings) is not None:
        return False
    find_java()
    down(settings)  # whatever a killed supervisor left behind
    state.claim_data_dir(settings)
    environment = python_environment(settings)
    environment.pop(MARKER)  # the supervisor outlives the sweep that ends its services
    popen = processes.spawn(
        [sys.executable, "-m", "fraudstream_platform.local.supervisor", *services],
        environment,
        state.log_dir(settings) / "supervisor.log",
    )
    try:
        while True:
            found = read_supervisor(settings)
            if found is not None and found.pid == popen.pid:
                report(found, state.read_services(settings))
                if found.phase == "up":
                    return True
                if found.phase == "failed":
                    raise UserError(found.error)
            if popen.poll() is not None:
                log = state.log_dir(settings) / "supervisor.log"
                raise UserError(f"The supervisor ended while it started: see {log}")
            time.sleep(0.2)
    except BaseException:
        down(settings)
        raise


def down(settings: Settings) -> int:
    """End the supervisor and every process of this stack; returns how many services ran."""
    entries = [one for one in state.read_services(settings) if one.identity.process()]
    supervisor = running(settings)
    process = supervisor.identity.process() if supervisor else None
    if process is not None:
        processes.end([process], STOP_GRACE_S)
    left = [one for entry in reversed(entries) if (one := entry.identity.process()) is not None]
    processes.end([member for one in left for member in processes.tree(one)], grace_s=15.0)
    processes.end(processes.marked(marker_value(settings)), grace_s=5.0)
    if state.run_dir(settings).exists():
        state.write_services(settings, [])
        state_file(settings).unlink(missing_ok=True)
    return len(entries)


def reset(settings: Settings, keep: Path | None = None) -> None:
    """End the stack and delete DATA_DIR; refuses a folder that does not carry our marker.

    Where `keep` lies within, it stays, and DATA_DIR with it.
    """
    folder = settings.data_dir.resolve()
    if folder.exists() and not state.is_claimed(settings):
        raise UserError(f"DATA_DIR {folder} was not made by `fraudstream up`: delete it yourself")
    down(settings)
    if keep is not None and keep.is_relative_to(folder):
        _delete_but(folder, keep)
        state.mark_data_dir(settings)
    elif folder.exists():
        shutil.rmtree(folder)


def _delete_but(folder: Path, keep: Path) -> None:
    for child in folder.iterdir():
        if child == keep:
            continue
        if keep.is_relative_to(child):
            _delete_but(child, keep)
        elif child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        else:
            child.unlink()
