"""The supervisor's memory of one service: its process, health, and when to look again."""

from __future__ import annotations

import subprocess
import time

from fraudstream_platform.local.processes import Identity
from fraudstream_platform.local.service import Service
from fraudstream_platform.local.state import ServiceState

PROBE_EVERY_S = 5.0
HANGS_AFTER_S = 60.0
"""A starved service is left alone this long: a restart under load makes things worse."""
FIRST_BACK_OFF_S = 0.2
LONGEST_BACK_OFF_S = 10.0
STABLE_AFTER_S = 60.0


class Running:
    """Mutable state of one supervised service; times are monotonic seconds."""

    def __init__(self, service: Service) -> None:
        """A service that has not been started."""
        self.service = service
        self.popen: subprocess.Popen[bytes] | None = None
        self.identity: Identity | None = None
        self.restarts = 0
        self.health = "down"
        self._started_at = 0.0
        self._healthy_at = 0.0
        self._next_look = 0.0
        self._back_off = FIRST_BACK_OFF_S

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.popen is not None and self.popen.poll() is None

    def started(self, popen: subprocess.Popen[bytes]) -> None:
        """Note a fresh process."""
        self.popen = popen
        self.identity = Identity.of(popen.pid)
        self.health = "starting"
        self._started_at = self._healthy_at = time.monotonic()
        self._next_look = 0.0

    def failed(self) -> None:
        """Note a start that did not come to a process."""
        self.health = "down"
        self._delay()

    def seen_healthy(self) -> None:
        """Note a probe that passed."""
        now = time.monotonic()
        self.health = "up"
        self._healthy_at = now
        if now - self._started_at > STABLE_AFTER_S:
            self._back_off = FIRST_BACK_OFF_S

    def due(self) -> bool:
        """Whether it is time to look; notices an exit at once and backs off from it."""
        if self.health != "down" and not self.alive:
            self.health = "down"
            self._delay()
        return time.monotonic() >= self._next_look

    def needs_start(self) -> bool:
        """Whether the process is gone, or alive but deaf for too long."""
        deaf = time.monotonic() - self._healthy_at
        limit = max(HANGS_AFTER_S, self.service.start_timeout_s)
        return not self.alive or deaf > limit

    def probe(self) -> None:
        """Ask the service once and plan the next look."""
        if self.service.healthy():
            self.seen_healthy()
        elif self.health == "up":
            self.health = "deaf"
        starting = self.health == "starting"
        self._next_look = time.monotonic() + (0.5 if starting else PROBE_EVERY_S)

    def reap(self) -> None:
        """Collect the exit status of a process that was ended."""
        if self.popen is not None:
            try:
                self.popen.wait(timeout=1)
            except subprocess.TimeoutExpired:
                return
        self.popen = None
        self.identity = None
        self.health = "down"

    def entry(self) -> ServiceState | None:
        """The line of the state file, or None when nothing was started."""
        if self.identity is None:
            return None
        return ServiceState(
            name=self.service.name,
            pid=self.identity.pid,
            created=self.identity.created,
            port=self.service.port,
            health=self.health,
            restarts=self.restarts,
            url=self.service.url,
        )

    def _delay(self) -> None:
        self._next_look = time.monotonic() + self._back_off
        self._back_off = min(self._back_off * 2, LONGEST_BACK_OFF_S)
