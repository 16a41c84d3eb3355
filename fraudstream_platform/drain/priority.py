"""Who runs before whom, between the processes of runs."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

BATCH_NICE = 10
"""Work that nobody waits for by the second: after owners and commits, before the marts."""


def own_session(nice: int) -> None:
    """Give this process, and its children, a session of its own at priority `nice` (0 to 19).

    Linux schedules by session on most desktops and servers (autogroup): a nice value counts only
    among the processes of one session. Elsewhere the nice value alone has to do.
    """
    with suppress(OSError):
        os.setsid()
        Path("/proc/self/autogroup").write_text(str(nice))
    step_back(nice)


def step_back(nice: int) -> None:
    """Lower this process's priority to `nice`; one that is lower already stays."""
    os.setpriority(os.PRIO_PROCESS, 0, max(nice, os.getpriority(os.PRIO_PROCESS, 0)))
