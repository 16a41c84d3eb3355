"""First moments of every child process: default signals, priority, then exec.

Run as a script (never imported by the services): a child of a background shell
inherits ignored SIGINT and SIGTERM, and could then only be killed hard. A script
of its own does this without running Python between fork and exec of a process that
has threads.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1


def _lower_session(nice: str) -> None:
    """Where Linux schedules by session, a process's own nice value counts only within it."""
    with suppress(OSError):  # no such kernel, or not allowed: the nice value has to do
        Path("/proc/self/autogroup").write_text(nice)


def main(arguments: list[str]) -> None:
    """Arguments: nice value, pid of the parent to end with (0: none), then the command."""
    nice, parent, *command = arguments
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    if int(nice):
        os.nice(int(nice))
        _lower_session(nice)
    if int(parent) and sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != int(parent):  # it died before we asked
            sys.exit(1)
    os.execvp(command[0], command)  # nosec B606


if __name__ == "__main__":
    main(sys.argv[1:])
