"""Named places at which a fault test ends the process, as kill -9 would, at a known moment.

A test arms a place by a file of its name in CRASH_POINTS_DIR; the first process that comes by takes
the file away and dies. While a file `decoded` lies there, every step fails with decoded records in its
local variables. Nothing is looked at where the setting is empty, and production refuses it.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Literal, get_args

from fraudstream_platform.settings import Settings

Place = Literal[
    "files_written", "flush_journaled", "between_tables", "in_snapshot", "fenced", "before_final"
]
PLACES: tuple[Place, ...] = get_args(Place)
"""A flush's files are written and not journaled; it is journaled and in no table; it is in the first
table alone. A snapshot is written, and nobody has heard of it. A successor has fenced the owner and
journaled nothing. A window's last rows are written, and its `final` record is not."""


class ArmedFailureError(RuntimeError):
    """Only a test is the cause of this."""


def crash_point(settings: Settings, place: Place) -> None:
    """Die here, where a test has armed `place`."""
    if not settings.crash_points_dir:
        return
    armed = Path(settings.crash_points_dir) / place
    try:
        armed.rename(taken_file(settings, place))  # one process alone can
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def failure_point(settings: Settings) -> None:
    """Raise while a test wants steps to fail."""
    if settings.crash_points_dir and (Path(settings.crash_points_dir) / "decoded").exists():
        raise ArmedFailureError("this step fails because a test wants it to")


def taken_file(settings: Settings, place: Place) -> Path:
    """What the armed file is called once a process has died of it."""
    return Path(settings.crash_points_dir) / f"{place}.taken"
