"""What the journal tells, as Prometheus metrics.

Everything that tasks and committer do stands in the journal, so one reader of it knows all of them,
across windows, runs and Spark's machines, and nothing on an alert's way waits for a scrape. Counters
begin with the exporter: Prometheus takes a restart for what it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from fraudstream_platform.drain.journal import Entry
from fraudstream_platform.drain.positions import Positions, covers

_LATENCY_S = (0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 15.0)
_GAP_S = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0)
_FRESHNESS_S = (1.0, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 30.0, 60.0, 300.0)
_WAITING_FLUSHES = 10_000


class JournalFigures:
    """Metrics of one registry, moved by the journal's entries in the order in which they come."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.rows = Counter(
            "fraudstream_rows", "Rows journaled for a table", ["table"], registry=registry
        )
        self.flushes = Counter(
            "fraudstream_flushes", "Flushes journaled", ["group"], registry=registry
        )
        self.bytes = Counter(
            "fraudstream_flushed_bytes", "Bytes of journaled Parquet files", registry=registry
        )
        self.latency = Histogram(
            "fraudstream_alert_latency_seconds",
            "From the source's sending to the alert's publication",
            buckets=_LATENCY_S,
            registry=registry,
        )
        self.freshness = Histogram(
            "fraudstream_freshness_seconds",
            "From a flush's first append until every table has it, seen at the next heartbeat",
            buckets=_FRESHNESS_S,
            registry=registry,
        )
        self.handover = Histogram(
            "fraudstream_handover_gap_seconds",
            "From an owner's final record to its successor's first",
            buckets=_GAP_S,
            registry=registry,
        )
        self.takeovers = Counter(
            "fraudstream_takeovers",
            "Owner records by what came before: a final record, a dead owner, itself, nobody",
            ["group", "after"],
            registry=registry,
        )
        self.snapshot = Gauge(
            "fraudstream_snapshot_timestamp_seconds",
            "When the newest state snapshot was journaled",
            ["group"],
            registry=registry,
        )
        self.heard = Gauge(
            "fraudstream_owner_heard_timestamp_seconds",
            "Append time of the group's newest journal record",
            ["group"],
            registry=registry,
        )
        self.run_heard = Gauge(
            "fraudstream_run_heard_timestamp_seconds",
            "Append time of the newest heartbeat of any drain run",
            registry=registry,
        )
        self.lag = Gauge(
            "fraudstream_lag_records",
            "Offsets of the raw topic past the last journaled flush",
            ["partition"],
            registry=registry,
        )
        self.flushed: Positions = {}
        self._groups: dict[int, Entry] = {}
        self._snapshots: dict[int, str] = {}
        self._committed: Positions = {}
        self._waiting: deque[Entry] = deque(maxlen=_WAITING_FLUSHES)

    def note(self, entry: Entry) -> None:
        """Move the metrics by one entry."""
        if entry.kind == "run":
            self._note_run(entry)
            return
        group = str(entry.group)
        self.heard.labels(group).set(entry.at / 1000)
        if entry.kind == "owner":
            self._note_owner(entry, group)
        if entry.kind == "flush":
            self._note_flush(entry, group)
        for milliseconds in entry.latency_ms:
            self.latency.observe(milliseconds / 1000)
        if entry.snapshots and entry.snapshots[0].sha256 != self._snapshots.get(entry.group):
            self._snapshots[entry.group] = entry.snapshots[0].sha256
            self.snapshot.labels(group).set(entry.at / 1000)
        self.flushed.update(entry.flushed)
        self._groups[entry.group] = entry

    def note_ends(self, ends: Mapping[int, int]) -> None:
        """Set the lag, from the raw topic's ends by partition."""
        for partition, end in ends.items():
            behind = end - self.flushed.get(partition, end)
            self.lag.labels(str(partition)).set(max(0, behind))

    def _note_owner(self, entry: Entry, group: str) -> None:
        before = self._groups.get(entry.group)
        if before is None:
            after = "nobody"
        elif before.kind == "final":
            after = "final"
            self.handover.observe(max(0, entry.at - before.at) / 1000)
        else:
            after = "dead" if entry.term > before.term else "itself"
        self.takeovers.labels(group, after).inc()

    def _note_flush(self, entry: Entry, group: str) -> None:
        self.flushes.labels(group).inc()
        for file in entry.files:
            self.rows.labels(file.table).inc(file.rows)
            self.bytes.inc(file.size)
        if entry.counts.get("first_append_ms"):
            self._waiting.append(entry)

    def _note_run(self, entry: Entry) -> None:
        self.run_heard.set(entry.at / 1000)
        self._committed.update(entry.flushed)
        left = [one for one in self._waiting if not covers(self._committed, one.flushed)]
        for one in self._waiting:
            if covers(self._committed, one.flushed):
                self.freshness.observe(max(0, entry.at - one.counts["first_append_ms"]) / 1000)
        self._waiting = deque(left, _WAITING_FLUSHES)
