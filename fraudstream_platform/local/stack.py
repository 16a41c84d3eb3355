"""A set of embedded services that starts, stays up and goes away as one.

    with Stack(settings, services=("kafka", "registry")) as stack:
        ...                     # healthy here
        stack.kill("kafka")     # for fault tests
        stack.tend()            # starts what died

`settings_on_free_ports` gives the settings for a test's own stack. The same class
runs inside the supervisor process, which calls `tend` for ever.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

import psutil

from fraudstream_platform.errors import UserError
from fraudstream_platform.local import processes, state
from fraudstream_platform.local.catalogue import ALL, build_services
from fraudstream_platform.local.environment import marker_value
from fraudstream_platform.local.health import port_free
from fraudstream_platform.local.running import Running
from fraudstream_platform.local.service import Service
from fraudstream_platform.settings import Settings

logger = logging.getLogger(__name__)


class ServiceFailedError(UserError):
    """A service did not become healthy; the message names its log."""


class Stack:
    """Embedded services of one DATA_DIR and PORT_BASE, owned by this process."""

    def __init__(
        self, settings: Settings, services: Iterable[str] = ALL, *, with_parent: bool = True
    ) -> None:
        """Nothing starts yet; `with_parent` ends the services when this process dies."""
        self.settings = settings
        self._with_parent = with_parent
        self._stopping = threading.Event()
        self._failed = threading.Event()
        self._state_lock = threading.Lock()
        self._running = {one.name: Running(one) for one in build_services(settings, services)}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self, stopping: threading.Event | None = None) -> None:
        """Start everything and wait until it is healthy; on failure nothing stays behind.

        Setting `stopping` from elsewhere gives up the wait.
        """
        self._stopping = stopping or self._stopping
        self._failed.clear()
        state.claim_data_dir(self.settings)
        self._refuse_taken_ports()
        try:
            for wave in sorted({one.service.wave for one in self._running.values()}):
                self._start_wave(wave)
        except BaseException:
            self.stop()
            raise
        self.write_state()

    def stop(self) -> None:
        """End everything in reverse order, then whatever a service left behind."""
        for one in reversed(list(self._running.values())):
            self._end(one)
        processes.end(processes.marked(marker_value(self.settings)), grace_s=5.0)
        for one in self._running.values():
            one.reap()
        self.write_state()

    def tend(self) -> bool:
        """Start again what died or hangs; returns whether anything changed."""
        changed = [self._tend_one(one) for one in self._running.values()]
        if any(changed):
            self.write_state()
        return any(changed)

    def healthy(self) -> bool:
        """Whether every service runs and answers now."""
        return all(one.alive and one.service.healthy() for one in self._running.values())

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        """Send a signal to one service's process and wait until it ended; returns its pid."""
        popen = self._running[name].popen
        if popen is None:
            raise ValueError(f"{name} does not run")
        popen.send_signal(number)
        popen.wait(timeout=30)
        return popen.pid

    def restart(self, name: str) -> None:
        """Start one service (again) and wait until it is healthy."""
        one = self._running[name]
        self._end(one)
        self._launch(one)
        self._wait_healthy(one)
        self.write_state()

    def pid(self, name: str) -> int:
        """Process id of a service."""
        popen = self._running[name].popen
        if popen is None:
            raise ValueError(f"{name} does not run")
        return popen.pid

    def restarts(self, name: str) -> int:
        """How often a service was started again by `tend`."""
        return self._running[name].restarts

    def memory_mb(self) -> dict[str, float]:
        """Proportional memory (PSS) of every running service with its children, in MB."""
        found = {}
        for name, one in self._running.items():
            if one.alive and one.popen is not None:
                found[name] = processes.memory_mb(psutil.Process(one.popen.pid))
        return found

    def write_state(self) -> None:
        """Write who runs for `status` and `down`; what another stack of the folder wrote stays."""
        entries = [entry for one in self._running.values() if (entry := one.entry()) is not None]
        with self._state_lock:
            others = [
                entry
                for entry in state.read_services(self.settings)
                if entry.name not in self._running and entry.identity.process() is not None
            ]
            state.write_services(self.settings, [*others, *entries])

    def _refuse_taken_ports(self) -> None:
        for one in self._running.values():
            for port in one.service.ports:
                if not port_free(port):
                    raise UserError(
                        f"Port {port} ({one.service.name}) is taken: "
                        "set PORT_BASE to another value, or end what uses it"
                    )

    def _start_wave(self, wave: int) -> None:
        members = [one for one in self._running.values() if one.service.wave == wave]
        for one in members:
            if not self._stopping.is_set():
                self._launch(one)
        with ThreadPoolExecutor(len(members)) as pool:
            list(pool.map(self._wait_healthy, members))

    def _launch(self, one: Running) -> None:
        service: Service = one.service
        service.prepare()
        one.started(
            processes.spawn(
                service.command(),
                service.environment,
                state.log_dir(self.settings) / f"{service.name}.log",
                nice=service.nice,
                with_parent=self._with_parent,
            )
        )
        self.write_state()

    def _wait_healthy(self, one: Running) -> None:
        service = one.service
        log = state.log_dir(self.settings) / f"{service.name}.log"
        deadline = time.monotonic() + service.start_timeout_s
        while not service.healthy():
            if self._stopping.is_set() or self._failed.is_set():
                return
            late = time.monotonic() > deadline
            if late or not one.alive:
                self._failed.set()
                what = f"not healthy after {service.start_timeout_s:.0f} s" if late else "ended"
                raise ServiceFailedError(f"{service.name} did not start ({what}): see {log}")
            time.sleep(0.1)
        one.seen_healthy()
        self.write_state()

    def _tend_one(self, one: Running) -> bool:
        if not one.due():
            return False
        before = one.health
        if one.alive:
            one.probe()  # first: while a slow neighbour started, nobody had asked for long
        if one.needs_start():
            self._end(one)
            try:
                one.restarts += 1
                self._launch(one)
            except (UserError, OSError, subprocess.SubprocessError) as error:
                one.failed()
                logger.error("%s cannot start: %s", one.service.name, error)
            else:
                logger.warning("%s started again (restart %d)", one.service.name, one.restarts)
            return True
        return one.health != before

    def _end(self, one: Running) -> None:
        identity = one.identity
        process = identity.process() if identity else None
        if process is not None:
            processes.end(processes.tree(process), one.service.stop_grace_s)
        one.reap()
