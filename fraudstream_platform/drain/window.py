"""One run's body: heartbeats, the tasks on Spark, the committer, and the report at the end."""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from fraudstream_platform.drain.anchors import AnchorKeeper
from fraudstream_platform.drain.assignment import Assignment
from fraudstream_platform.drain.committer import Committer
from fraudstream_platform.drain.follower import FETCH_WAIT_MS
from fraudstream_platform.drain.followers import Followers
from fraudstream_platform.drain.heartbeat import Heartbeat
from fraudstream_platform.drain.journal import Entry
from fraudstream_platform.drain.launch import SparkJob, TasksFailedError
from fraudstream_platform.drain.layout import refuse_other_layout
from fraudstream_platform.drain.positions import Positions
from fraudstream_platform.lake.start_notices import notice_start
from fraudstream_platform.lake.tables import ALERTS, LABELS
from fraudstream_platform.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.25
_FOLLOWED_SECONDS = FETCH_WAIT_MS / 1000 + 0.1
"""After its tasks have ended a run reads on for so long: their last alerts are on their way to it."""


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
    freshness_ms: list[int] = field(default_factory=list)
    """From a flush's first append to its commit."""
    superseded: set[int] = field(default_factory=set)
    gaps: list[str] = field(default_factory=list)
    """Flushes that did not start where the one before them ended."""
    followed: Counter[str] = field(default_factory=Counter)
    """Rows that came from their topics, by table."""
    label_problems: Counter[str] = field(default_factory=Counter)
    """Label records that cannot be used, by what is wrong with them."""
    patterns: Counter[str] = field(default_factory=Counter)
    """Alerts by the patterns that they name."""
    labels_waiting: int | None = None
    """Offsets of the label topic past its table when the run ended; None where that is unknown."""
    lag: int = 0
    """Kafka records past the end of the window when the run ended."""

    @property
    def latency_p95_ms(self) -> float | None:
        """95th percentile of alert latency; None without alerts."""
        return float(np.percentile(self.latencies_ms, 95)) if self.latencies_ms else None

    @property
    def freshness_p95_ms(self) -> float | None:
        """95th percentile of freshness; None without flushes."""
        return float(np.percentile(self.freshness_ms, 95)) if self.freshness_ms else None

    def note(self, entry: Entry) -> None:
        """Count an entry that this run's tasks journaled."""
        if entry.kind == "owner":
            self.owner_at.setdefault(entry.group, entry.at)
            for partition, offset in entry.flushed.items():
                self.started.setdefault(partition, offset)
        if entry.kind == "flush":
            self.flushes += 1
            self._note_gaps(entry)
            for file in entry.files:
                self.rows[file.table] += file.rows
                self.bytes_written += file.size
        if entry.kind == "final":
            self.final_at[entry.group] = entry.at
        if entry.kind in ("flush", "final"):
            self.ended.update(entry.flushed)
        self.latencies_ms.extend(entry.latency_ms)

    def note_followed(self, table: str, rows: pl.DataFrame) -> None:
        """Count rows that came from their topic."""
        self.followed[table] += rows.height
        if table == ALERTS:
            self.patterns.update(rows["patterns"].explode().drop_nulls())
        if table == LABELS:
            self.label_problems.update(rows["problem"].drop_nulls())

    def _note_gaps(self, flush: Entry) -> None:
        for partition, start in flush.start.items():
            known = self.ended.get(partition, self.started.get(partition, start))
            if start != known:
                self.gaps.append(f"partition {partition}: {known} then {start}")


class WindowRun:
    """Drives one window: its tasks drain, this process commits what they journal."""

    def __init__(
        self,
        settings: Settings,
        spark: SparkSession,
        start: int,
        stop: int,
        attempt: int,
        run_id: str,
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
        self._has_spares = False
        self._tasks_ended_at: float | None = None

    def execute(self) -> WindowReport:
        """Run until every group has ended its window and everything journaled is committed.

        What changed since the last start is in the audit trail before anything is drained.
        """
        refuse_other_layout(self._settings)
        notice_start(self._settings)
        anchors = AnchorKeeper(self._settings)
        committer = Committer(self._settings)
        followers = Followers(self._settings)
        heartbeat = Heartbeat(self._settings, self._term, self._run_id, self.report.window_stop)
        job = SparkJob(self._spark, self._assignments)
        try:
            while not self._is_done(job, committer, followers):
                self._cycle(heartbeat, committer, followers)
                anchors.tick()
                self._warm_spares_once(job)
            return self.report
        except BaseException:
            job.interrupt()
            raise
        finally:
            heartbeat.close()
            committer.close()
            followers.close()
            job.close()
            anchors.close()

    def _cycle(self, heartbeat: Heartbeat, committer: Committer, followers: Followers) -> None:
        entries = committer.poll(_POLL_SECONDS)
        for entry in entries:
            self._note(entry)
        heartbeat.committed = committer.committed
        self._raise_if_silent(heartbeat)
        if not self._may_commit(heartbeat):
            return
        try:
            committer.commit()
            self._note_delays(entries)
            for table, rows in followers.follow():
                self.report.note_followed(table, rows)
        except OSError as error:
            log.error("commit failed and is tried again: %s; free some space in the lake", error)
            time.sleep(1)

    def _warm_spares_once(self, job: SparkJob) -> None:
        """Where nobody handed over to this run there are no idle workers of a window before."""
        if self._newest and not self._has_spares:
            self._has_spares = True
            if not self.report.handover_gap_ms:
                job.warm_spares()

    def _note_delays(self, entries: list[Entry]) -> None:
        now = round(time.time() * 1000)
        for entry in entries:
            if entry.kind == "flush":
                self.report.commit_delay_ms.append(now - entry.at)
                first_append = entry.counts.get("first_append_ms")
                if first_append is not None:
                    self.report.freshness_ms.append(now - first_append)

    def _note(self, entry: Entry) -> None:
        if entry.kind == "run":
            return
        if entry.run_id == self._run_id:
            known = self._newest.get(entry.group)
            final_at = self._predecessor_final_at.pop(entry.group, None)
            if entry.kind == "owner" and known is None and final_at is not None:
                self.report.handover_gap_ms.append(entry.at - final_at)
            self._newest[entry.group] = entry
            self.report.note(entry)
        elif entry.term > self._term:
            self.report.superseded.add(entry.group)
        elif entry.kind == "final":
            self._predecessor_final_at[entry.group] = entry.at

    def _may_commit(self, heartbeat: Heartbeat) -> bool:
        """A standby leaves committing to the owner's run, as long as that one is heard of."""
        return bool(self._newest or self.report.superseded) or not heartbeat.others_alive()

    def _raise_if_silent(self, heartbeat: Heartbeat) -> None:
        """A group that stopped journaling while the broker answers has lost its task for good."""
        heard, since = heartbeat.delivered_at, heartbeat.answering_since
        for group, entry in self._newest.items():
            if entry.kind == "final" or group in self.report.superseded:
                continue
            silence = heard - max(entry.at / 1000, since)
            if silence > 5 * self._settings.lease_seconds:
                raise TasksFailedError(f"group {group} has been silent for {silence:.0f} s")

    def _is_done(self, job: SparkJob, committer: Committer, followers: Followers) -> bool:
        outcomes = job.outcomes()
        if outcomes is None:
            return False
        self._tasks_ended_at = self._tasks_ended_at or time.monotonic()
        for entry in committer.poll(0.5):
            self._note(entry)
        if any('"run_lost"' in outcome for outcome in outcomes):
            raise TasksFailedError("tasks lost sight of this run and left")
        unfinished = [
            group
            for group, entry in self._newest.items()
            if entry.kind != "final" and group not in self.report.superseded
        ]
        if unfinished or time.monotonic() - self._tasks_ended_at < _FOLLOWED_SECONDS:
            return False
        committer.commit()
        for table, rows in followers.follow(at_once=True):
            self.report.note_followed(table, rows)
        if not committer.has_committed(self.report.ended):
            return False
        self.report.labels_waiting = followers.labels_waiting()
        return True
