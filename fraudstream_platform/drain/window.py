"""One run's body: heartbeats, the tasks on Spark, the committer, and the report at the end."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from confluent_kafka import KafkaException

from fraudstream_platform.drain.assignment import Assignment
from fraudstream_platform.drain.committer import Committer
from fraudstream_platform.drain.follower import TopicFollower, alert_follower, vault_follower
from fraudstream_platform.drain.heartbeat import Heartbeat
from fraudstream_platform.drain.journal import Entry, Term
from fraudstream_platform.drain.launch import SparkJob, TasksFailedError
from fraudstream_platform.drain.positions import Positions
from fraudstream_platform.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.25
_FOLLOW_SECONDS = 2.0


@dataclass
class WindowReport:
    """What a run did, read off the journal; for the metadata of its assets."""

    window_start: int
    window_stop: int
    hour: str
    attempt: int
    rows: Counter[str] = field(default_factory=Counter)
    bytes_written: int = 0
    flushes: int = 0
    started: Positions = field(default_factory=dict)
    ended: Positions = field(default_factory=dict)
    latencies_ms: list[int] = field(default_factory=list)
    owner_at: dict[int, int] = field(default_factory=dict)
    """Group -> append time of this run's first owner record, epoch ms."""
    final_at: dict[int, int] = field(default_factory=dict)
    handover_gap_ms: list[int] = field(default_factory=list)
    """From a predecessor's final record to this run's owner record, by group."""
    commit_delay_ms: list[int] = field(default_factory=list)
    """From a flush's journal record to its commit."""
    superseded: set[int] = field(default_factory=set)

    def note(self, entry: Entry, term: Term) -> None:
        """Count an entry that this run's tasks journaled."""
        if entry.kind == "owner":
            self.owner_at.setdefault(entry.group, entry.at)
            for partition, offset in entry.flushed.items():
                self.started.setdefault(partition, offset)
        if entry.kind == "flush":
            self.flushes += 1
            for file in entry.files:
                self.rows[file.table] += file.rows
                self.bytes_written += file.size
        if entry.kind == "final":
            self.final_at[entry.group] = entry.at
        if entry.kind in ("flush", "final"):
            self.ended.update(entry.flushed)
        self.latencies_ms.extend(entry.latency_ms)


class WindowRun:
    """Drives one window: its tasks drain, this process commits what they journal."""

    def __init__(
        self, settings: Settings, spark: SparkSession, start: int, stop: int, attempt: int, run_id: str
    ) -> None:
        self._settings = settings
        self._groups = settings.drain_groups
        self._assignments = [
            Assignment(start, stop, attempt, run_id, group, self._groups)
            for group in range(self._groups)
        ]
        self._term = self._assignments[0].term
        self._run_id = run_id
        self.report = WindowReport(start, stop, self._assignments[0].hour, attempt)
        self._newest: dict[int, Entry] = {}
        self._predecessor_final_at: dict[int, int] = {}
        self._spark = spark

    def execute(self) -> WindowReport:
        """Run until every group has ended its window and everything journaled is committed."""
        heartbeat = Heartbeat(self._settings, self._term, self._run_id, self.report.window_stop)
        job = SparkJob(self._spark, self._assignments)
        committer = Committer(self._settings)
        followers = [alert_follower(self._settings), vault_follower(self._settings)]
        try:
            while not self._is_done(job, committer, followers):
                self._cycle(heartbeat, committer, followers)
            return self.report
        except BaseException:
            job.interrupt()
            raise
        finally:
            heartbeat.close()
            committer.close()
            for follower in followers:
                follower.close()
            job.close()

    def _cycle(
        self, heartbeat: Heartbeat, committer: Committer, followers: list[TopicFollower]
    ) -> None:
        entries = committer.poll(_POLL_SECONDS)
        for entry in entries:
            self._note(entry)
        heartbeat.committed = committer.committed
        self._raise_if_silent(heartbeat)
        if not self._may_commit(heartbeat):
            return
        try:
            committer.commit()
            for follower in followers:
                follower.poll()
                follower.commit(_FOLLOW_SECONDS)
        except OSError as error:
            log.error("commit failed and is tried again: %s; free some space in the lake", error)
            time.sleep(1)
        flushes = [entry for entry in entries if entry.kind == "flush"]
        now = round(time.time() * 1000)
        self.report.commit_delay_ms.extend(now - entry.at for entry in flushes)

    def _note(self, entry: Entry) -> None:
        if entry.kind == "run":
            return
        if entry.run_id == self._run_id:
            known = self._newest.get(entry.group)
            final_at = self._predecessor_final_at.pop(entry.group, None)
            if entry.kind == "owner" and known is None and final_at is not None:
                self.report.handover_gap_ms.append(entry.at - final_at)
            self._newest[entry.group] = entry
            self.report.note(entry, self._term)
        elif entry.term > self._term:
            self.report.superseded.add(entry.group)
        elif entry.kind == "final":
            self._predecessor_final_at[entry.group] = entry.at

    def _may_commit(self, heartbeat: Heartbeat) -> bool:
        """A standby leaves committing to the owner's run, as long as that one is heard of."""
        return bool(self._newest or self.report.superseded) or not heartbeat.others_alive()

    def _raise_if_silent(self, heartbeat: Heartbeat) -> None:
        """A group that stopped journaling while the broker answers has lost its task for good."""
        heard = heartbeat.delivered_at
        for group, entry in self._newest.items():
            if entry.kind == "final" or group in self.report.superseded:
                continue
            silence = heard - entry.at / 1000
            if silence > 5 * self._settings.lease_seconds:
                raise TasksFailedError(f"group {group} has been silent for {silence:.0f} s")

    def _is_done(
        self, job: SparkJob, committer: Committer, followers: list[TopicFollower]
    ) -> bool:
        outcomes = job.outcomes()
        if outcomes is None:
            return False
        for entry in committer.poll(0):
            self._note(entry)
        if any('"run_lost"' in outcome for outcome in outcomes):
            raise TasksFailedError("tasks lost sight of this run and left")
        finals = all(
            group in self.report.superseded
            or (group in self._newest and self._newest[group].kind == "final")
            for group in range(self._groups)
        )
        return (finals or not self._newest) and committer.has_committed(self.report.ended)
