"""A round: strike, wait until the pipeline has provably gone on, compare everything, measure."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaException

from fraudstream_platform.drain.committer import committed_positions
from fraudstream_platform.drain.kafka import admin, stable_ends, topic_id
from fraudstream_platform.drain.positions import Positions, covers
from fraudstream_platform.drain.topics import setup
from fraudstream_platform.lake.commit import recorded_versions
from fraudstream_platform.lake.tables import ALERTS, open_table
from fraudstream_platform.local import control
from fraudstream_platform.local.environment import python_environment
from fraudstream_platform.measuring.probe import AlertProbe
from fraudstream_platform.measuring.watch import Watch
from fraudstream_platform.settings import Settings
from fraudstream_tests.faults.checker import Checker, Report, checker_of
from fraudstream_tests.faults.victims import Blow, strike

SERVICES = ("kafka", "registry", "spark", "code", "webserver", "daemon")
"""All but the marts and their pages, which take time from what is tried here."""
OPEN_S = 180.0
RECOVER_S = 240.0
"""Deadlines for a machine that does other things too."""
_LOOK_S = 0.25


class NotRecoveredError(AssertionError):
    """The pipeline did not go on by itself."""


class WrongError(AssertionError):
    """The end state is not what it shall be."""


@dataclass(frozen=True)
class Round:
    """One blow and what followed; seconds since the blow, latency in ms."""

    kind: str
    took_s: float
    """The whole round, the wait for a victim to pass by included."""
    stepped_s: float
    """Until alerts of everything sent before the blow were out."""
    committed_s: float
    """Until every table had it."""
    worst_latency_ms: float


@contextmanager
def stack(settings: Settings) -> Iterator[Watch]:
    """The stack with a window open; ended whatever happens."""
    control.reset(settings)
    control.up(settings, SERVICES)
    try:
        setup(settings)
        watch = Watch(settings)
        try:
            until(watch.is_open, OPEN_S, "no window opened")
            yield watch
        finally:
            watch.close()
    finally:
        control.down(settings)


@contextmanager
def transactions(settings: Settings, watch: Watch, seed: int, tps: float) -> Iterator[Path]:
    """Transactions are coming, and alerts; in the end all that was sent is committed.

    Gives the file of what is sent.
    """
    log = settings.data_dir / "logs" / "feed.log"
    sent = settings.data_dir / "sent.jsonl"
    command = [sys.executable, "-m", "fraudstream_tests.faults.feed", str(sent)]
    before = watch.ends()
    with log.open("wb") as sink:
        feed = subprocess.Popen(
            [*command, "--seed", str(seed), "--tps", str(tps)],
            env=python_environment(settings),
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
        try:
            until(lambda: watch.ends() != before, OPEN_S, f"nothing was sent: see {log}")
            until(lambda: watch.sample().rows[ALERTS] > 0, OPEN_S, "no alert came")
            yield sent
        finally:
            feed.terminate()
            status = feed.wait(timeout=150)
    if status:
        raise WrongError(f"the feed could not deliver: see {log}")
    ends = watch.ends()
    partitions = range(settings.topic_partitions)
    until(
        lambda: covers(committed_positions(settings, partitions) or {}, ends),
        RECOVER_S,
        "the lake lags behind",
    )
    until(lambda: _followed(settings), RECOVER_S, "the alert table lags behind")


def one_round(settings: Settings, watch: Watch, probe: AlertProbe, kind: str, seed: int) -> Round:
    """Strike as `kind` says and wait until everything sent before is alerted on and committed.

    What the blow leaves to be done then (a zombie wakes) is done, and again everything sent before
    it has to get through.
    """
    seen = len(probe.latencies_ms)
    asked = time.monotonic()
    blow: Blow = strike(settings, kind, seed)
    began = time.monotonic()
    stepped, committed = _recovered(watch, kind)
    if blow.afterwards is not None:
        blow.afterwards()
        _recovered(watch, f"after {kind}")
    took = time.monotonic() - asked
    worst = max(probe.latencies_ms[seen:], default=0.0)
    return Round(kind, took, stepped - began, committed - began, worst)


def _recovered(watch: Watch, kind: str) -> tuple[float, float]:
    """When all that is sent now was stepped, and when it was committed (monotonic seconds)."""
    ends: Positions = {}

    def ends_known() -> bool:
        ends.update(watch.ends())
        return True

    until(ends_known, RECOVER_S, f"{kind}: no broker")
    stepped = until(lambda: covers(watch.stepped(), ends), RECOVER_S, f"{kind}: no step")
    return stepped, until(lambda: watch.has_committed(ends), RECOVER_S, f"{kind}: no commit")


class Judge:
    """Checks one round while the next one goes on."""

    def __init__(self, settings: Settings, sent: Path) -> None:
        self._settings = settings
        spawn = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(1, spawn, initializer=_begin, initargs=(settings, sent))
        self._pending: Future[Report] | None = None

    def close(self) -> None:
        """End the process."""
        self._pool.shutdown(cancel_futures=True)

    def submit(self, *, is_last: bool = False) -> Report | None:
        """The check of the round before, and begin this one's; raises WrongError."""
        report = self.result()
        partitions = range(self._settings.topic_partitions)
        upto = committed_positions(self._settings, partitions)
        self._pending = self._pool.submit(_check, upto or {}, is_last)
        return report

    def result(self) -> Report | None:
        """What the pending check found; raises WrongError where anything is wrong."""
        if self._pending is None:
            return None
        report = self._pending.result()
        self._pending = None
        if report.problems:
            raise WrongError("\n".join(report.problems))
        return report


_CHECKERS: list[Checker] = []
"""The checking process's own one."""


def _begin(settings: Settings, sent: Path) -> None:
    _CHECKERS.append(checker_of(settings, sent))


def _check(upto: Positions, is_last: bool) -> Report:
    return _CHECKERS[0].check(upto, is_last=is_last)


def _followed(settings: Settings) -> bool:
    """Whether the alert table has all alerts that the topic has (its offsets hold markers too)."""
    topic = settings.fraud_alerts_topic
    client = admin(settings)
    table = open_table(settings, ALERTS)
    application = f"fraudstream.{topic_id(settings, topic)}"
    partitions = range(len(client.list_topics(topic, timeout=10).topics[topic].partitions))
    ends = stable_ends(client, topic, partitions)
    versions = recorded_versions(table, application, partitions)
    return all((versions[p] or 0) >= end for p, end in ends.items())


def _asked(is_so: Callable[[], bool]) -> bool:
    try:
        return is_so()
    except KafkaException:
        return False


def until(is_so: Callable[[], bool], at_most_s: float, why: str) -> float:
    """When it became so (monotonic seconds); raises NotRecoveredError where it did not.

    A broker that is down cannot be asked: not yet.
    """
    deadline = time.monotonic() + at_most_s
    while not _asked(is_so):
        if time.monotonic() > deadline:
            raise NotRecoveredError(f"after {at_most_s:.0f} s: {why}")
        time.sleep(_LOOK_S)
    return time.monotonic()
