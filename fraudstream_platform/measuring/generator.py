"""The simulator as a process of its own, so that its load is not the pipeline's."""

from __future__ import annotations

import json
import signal
import subprocess  # nosec B404
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fraudstream_platform.errors import UserError
from fraudstream_platform.local.environment import python_environment
from fraudstream_platform.settings import Settings
from fraudstream_platform.simulator.injector import PATTERNS, QUICK_PATTERNS

_NO_END_S = 86_400
_LEAD_S = 10.0
_MOST_RECORDS_AHEAD = 700_000
"""About 0.5 GB of the simulator's memory."""
HISTORY_DAYS = 180
OLDEST_EVENT_DAYS = 366
_HISTORY_CUSTOMERS = 600
LIVE_PATTERNS = (*QUICK_PATTERNS * 12, "testing_of_many")
"""In turn: one attack on hundreds of cards is as many transactions as fifty others."""
LIVE_FRAUD_RATE = 0.01
"""Latency is measured on alerts, and a case raises few."""


@dataclass
class Simulator:
    """A running `fraudstream produce`, or another process that sends a stream and sums it up."""

    name: str
    process: subprocess.Popen[bytes]
    summary_file: Path
    log: Path

    @classmethod
    def start(cls, settings: Settings, tps: float, seconds: float | None) -> Simulator:
        """Send `tps` transactions a second for `seconds`, or until stopped."""
        # On a laptop the generator would take half a core from what it is meant to try.
        lead = min(_LEAD_S if seconds is None else seconds, _MOST_RECORDS_AHEAD / tps)
        length = ("--tps", str(tps), "--seconds", str(seconds or _NO_END_S), "--lead", str(lead))
        fraud = ("--fraud-rate", str(LIVE_FRAUD_RATE), "--patterns", ",".join(LIVE_PATTERNS))
        return cls._produce(settings, "live", [*length, *fraud])

    @classmethod
    def tell_history(cls, settings: Settings) -> Simulator:
        """Send 180 days of some customers' lives as fast as it goes, all patterns but one in them."""
        world = ("--history", f"{HISTORY_DAYS}d", "--customers", str(_HISTORY_CUSTOMERS))
        # Tasks hear each other after a second; by then such a burst of the past is long over.
        told = (pattern for pattern in PATTERNS if pattern != "testing_of_many")
        patterns = ("--patterns", ",".join(told), "--finale")
        return cls._produce(settings, "history", [*world, *patterns])

    @classmethod
    def _produce(cls, settings: Settings, name: str, arguments: Sequence[str]) -> Simulator:
        truth = settings.data_dir / "simulator" / f"{name}_truth.jsonl"
        command = ("fraudstream_platform.cli", "produce", *arguments, "--truth", str(truth))
        return cls.run(settings, name, command)

    @classmethod
    def run(cls, settings: Settings, name: str, module: Sequence[str]) -> Simulator:
        """Start a module with its arguments; it is told by `--summary` where to sum up."""
        folder = settings.data_dir / "simulator"
        folder.mkdir(parents=True, exist_ok=True)
        summary, log = folder / f"{name}.json", settings.data_dir / "logs" / f"{name}.log"
        command = [sys.executable, "-m", *module, "--summary", str(summary)]
        with log.open("wb") as sink:
            process = subprocess.Popen(  # nosec B603
                command,
                env=python_environment(settings),
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return cls(name, process, summary, log)

    @property
    def has_ended(self) -> bool:
        """True once it has sent everything; raises UserError where it failed."""
        code = self.process.poll()
        if code not in (None, 0):
            raise UserError(f"The {self.name} simulator ended with status {code}: see {self.log}")
        return code == 0

    def stop(self) -> None:
        """End it, wherever it is."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def summary(self) -> dict[str, Any]:
        """What it says of itself; empty where it was stopped early."""
        if not self.summary_file.exists():
            return {}
        read: dict[str, Any] = json.loads(self.summary_file.read_text())
        return read
