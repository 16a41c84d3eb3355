"""Waiting for a condition of a running stack."""

from __future__ import annotations

import time
from collections.abc import Callable

from fraudstream_platform.errors import UserError
from fraudstream_platform.settings import Settings


def wait_for(is_so: Callable[[], bool], at_most_s: float, why: str, settings: Settings) -> None:
    """Ask twice a second until it is so; raises UserError with `why` after `at_most_s`."""
    if not becomes_so(is_so, at_most_s):
        raise UserError(f"After {at_most_s:.0f} s: {why}; see {settings.data_dir / 'logs'}")


def becomes_so(is_so: Callable[[], bool], at_most_s: float) -> bool:
    """Ask twice a second until it is so; whether it was within `at_most_s`."""
    deadline = time.monotonic() + at_most_s
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True
