"""Threads whose work can wait: a step goes before them."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

_NICE = 10


def background_thread(name: str) -> ThreadPoolExecutor:
    """A pool of one thread at a lower priority than the process's own."""
    return ThreadPoolExecutor(1, thread_name_prefix=name, initializer=_step_back)


def _step_back() -> None:
    # To Linux a thread has a priority of its own; elsewhere the id could be another process's.
    if sys.platform == "linux":
        nice = max(_NICE, os.getpriority(os.PRIO_PROCESS, 0))
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)
