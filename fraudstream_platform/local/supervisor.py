"""The process behind `fraudstream up`: starts the stack, tends it, ends it on SIGTERM."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from fraudstream_platform.errors import UserError
from fraudstream_platform.local import jars, state
from fraudstream_platform.local.processes import Identity
from fraudstream_platform.local.stack import Stack
from fraudstream_platform.logs import configure
from fraudstream_platform.settings import Settings, get_settings

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5


@dataclass(frozen=True)
class SupervisorState:
    """What the supervisor says of itself; phase is fetching, starting, up or failed."""

    pid: int
    created: float
    phase: str
    error: str = ""

    @property
    def identity(self) -> Identity:
        """The supervisor's process."""
        return Identity(self.pid, self.created)


def state_file(settings: Settings) -> Path:
    """Where the supervisor writes its state; it is absent when none runs."""
    return state.run_dir(settings) / "supervisor.json"


def read_supervisor(settings: Settings) -> SupervisorState | None:
    """The last state that a supervisor wrote, or None."""
    value = state.read_json(state_file(settings))
    return SupervisorState(**value) if isinstance(value, dict) else None


def supervise(settings: Settings, services: list[str], stopping: threading.Event) -> None:
    """Run the services until `stopping` is set; raises `UserError` when they cannot start."""
    _say(settings, "fetching")
    jars.fetch_all(settings.services_dir)
    _say(settings, "starting")
    stack = Stack(settings, services, with_parent=False)
    stack.start(stopping)
    try:
        _say(settings, "up")
        while not stopping.wait(LOOK_EVERY_S):
            stack.tend()
    finally:
        stack.stop()


def main() -> int:
    """Entry point of the detached process; returns its exit status."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    settings = get_settings()
    configure(settings, service="supervisor")
    try:
        supervise(settings, sys.argv[1:], stopping)
    except UserError as error:
        _say(settings, "failed", str(error))
        logger.error("%s", error)
        return 2
    except Exception as error:
        _say(settings, "failed", f"{type(error).__name__}: {error}")
        logger.exception("supervisor failed")
        return 1
    state_file(settings).unlink(missing_ok=True)
    return 0


def _say(settings: Settings, phase: str, error: str = "") -> None:
    own = Identity.of(os.getpid())
    created = own.created if own else 0.0
    value = SupervisorState(os.getpid(), created, phase, error)
    state.write_json(state_file(settings), asdict(value))


if __name__ == "__main__":
    sys.exit(main())
