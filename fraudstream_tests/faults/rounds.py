"""Kill, wait until the pipeline has provably gone on, measure; in the end prove that all is there."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from confluent_kafka import KafkaException

from fraudstream_platform.demo.figures import Watch
from fraudstream_platform.demo.probe import AlertProbe
from fraudstream_platform.drain.alerts_cli import stream_alerts
from fraudstream_platform.drain.positions import Positions, covers
from fraudstream_platform.drain.topics import setup
from fraudstream_platform.local import control
from fraudstream_platform.local.environment import python_environment
from fraudstream_platform.settings import Settings
from fraudstream_platform.verify.proof import Finding, prove
from fraudstream_tests.faults.victims import ZOMBIE, strike, wake

OPEN_S = 180.0
RECOVER_S = 240.0
"""Deadlines for a machine that does other things too."""
_LOOK_S = 0.25
_NO_END_S = "7200"
_ALL = 10**9


class NotRecoveredError(AssertionError):
    """The pipeline did not go on by itself."""


@dataclass(frozen=True)
class Round:
    """One blow and what followed; seconds since the blow, latency in ms."""

    kind: str
    pids: list[int]
    stepped_s: float
    """Until alerts of everything sent before the kill were out."""
    committed_s: float
    """Until every table had it."""
    worst_latency_ms: float


@contextmanager
def stack(settings: Settings) -> Iterator[Watch]:
    """The whole stack with a window open; ended whatever happens."""
    control.reset(settings)
    control.up(settings)
    try:
        setup(settings)
        watch = Watch(settings)
        try:
            _until(watch.is_open, OPEN_S, "no window opened")
            yield watch
        finally:
            watch.close()
    finally:
        control.down(settings)


@contextmanager
def transactions(settings: Settings, watch: Watch, tps: float) -> Iterator[None]:
    """Transactions are coming, and alerts; in the end all that was sent is committed."""
    log = settings.data_dir / "logs" / "simulator.log"
    command = [sys.executable, "-m", "fraudstream_platform.cli", "produce"]
    with log.open("wb") as sink:
        simulator = subprocess.Popen(
            [*command, "--tps", str(tps), "--seconds", _NO_END_S, "--bad-rate", "0.002"],
            env=python_environment(settings),
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
        try:
            _until(lambda: watch.sample().rows["gold.alerts"] > 0, OPEN_S, "no alert came")
            yield
        finally:
            simulator.terminate()
            simulator.wait(timeout=30)
    ends = watch.ends()
    _until(lambda: watch.has_committed(ends), RECOVER_S, "the lake lags behind")
    tables = watch.sample
    _until(lambda: tables().rows["gold.alerts"] >= _alerts(settings), RECOVER_S, "alerts lag")


def one_round(settings: Settings, watch: Watch, kind: str) -> Round:
    """Strike as `kind` says and wait until everything sent before is alerted on and committed.

    A zombie is woken then, and everything sent before that has to get through beside it.
    """
    probe = AlertProbe(settings)
    try:
        pids = strike(settings, kind)
        began = time.monotonic()
        stepped, committed = _recovered(watch, kind)
        if kind == ZOMBIE:
            wake(pids)
            _recovered(watch, "a woken zombie")
        worst = max(probe.latencies_ms, default=0.0)
        return Round(kind, pids, stepped - began, committed - began, worst)
    finally:
        probe.close()


def _recovered(watch: Watch, kind: str) -> tuple[float, float]:
    """When all that is sent now was stepped, and when it was committed (monotonic seconds)."""
    ends: Positions = {}

    def ends_known() -> bool:
        ends.update(watch.ends())
        return True

    _until(ends_known, RECOVER_S, f"{kind}: no broker")
    stepped = _until(lambda: covers(watch.stepped(), ends), RECOVER_S, f"{kind}: no step")
    return stepped, _until(lambda: watch.has_committed(ends), RECOVER_S, f"{kind}: no commit")


def proof(settings: Settings) -> tuple[list[Finding], list[str]]:
    """`verify`'s findings, and the ids of alerts that the topic has twice (read_committed)."""
    alerts = Counter(a["alert_id"] for a in stream_alerts(settings, _ALL, follow=False))
    return prove(settings, lambda _: None), [one for one, times in alerts.items() if times > 1]


def _alerts(settings: Settings) -> int:
    return sum(1 for _ in stream_alerts(settings, _ALL, follow=False))


def _asked(is_so: Callable[[], bool]) -> bool:
    try:
        return is_so()
    except KafkaException:
        return False


def _until(is_so: Callable[[], bool], at_most_s: float, why: str) -> float:
    """When it became so (monotonic seconds); raises NotRecoveredError where it did not.

    A broker that is down cannot be asked: not yet.
    """
    deadline = time.monotonic() + at_most_s
    while not _asked(is_so):
        if time.monotonic() > deadline:
            raise NotRecoveredError(f"after {at_most_s:.0f} s: {why}")
        time.sleep(_LOOK_S)
    return time.monotonic()
