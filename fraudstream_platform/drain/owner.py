"""The owner of a group: publishes, flushes, and closes the window at a journaled boundary."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import replace

from fraudstream_platform.detection.rules import RULES
from fraudstream_platform.drain.assignment import SHADOW_SECONDS, Assignment
from fraudstream_platform.drain.crash_points import crash_point
from fraudstream_platform.drain.flush import Cut, FlushWorker, Written
from fraudstream_platform.drain.held import AlertRecord
from fraudstream_platform.drain.journal import Entry, JournalReader, SnapshotRef
from fraudstream_platform.drain.ledger import Ledger
from fraudstream_platform.drain.positions import Positions, furthest
from fraudstream_platform.drain.resume import Standing
from fraudstream_platform.drain.snapshotter import Snapshotter
from fraudstream_platform.drain.stream import Stream
from fraudstream_platform.settings import Settings

log = logging.getLogger(__name__)

_LAST_CUT_SECONDS = 0.8
"""How long before the window's stop a flush is cut, so that the final one is short."""
_LAST_SNAPSHOT_SECONDS = SHADOW_SECONDS + 2.0
"""How long before the window's stop a last snapshot is begun for the successor: it replays the log
from there, and 20 s of it took two busy cores 5 s. Copied and written, it is named by a flush."""
_RETRY_FLUSH_SECONDS = 2.0
_LATENCIES_KEPT = 500


class RunLostError(RuntimeError):
    """The run on whose behalf this task works has been silent for longer than its lease."""


class Owner:
    """Owns one group from its `owner` record to its `final` one."""

    def __init__(
        self,
        settings: Settings,
        assignment: Assignment,
        ledger: Ledger,
        journal: JournalReader,
        stream: Stream,
    ) -> None:
        self._settings = settings
        self._assignment = assignment
        self._ledger = ledger
        self._journal = journal
        self._stream = stream
        self._held = stream.held
        self._worker = FlushWorker(settings, assignment.group)
        self._snapshots: tuple[SnapshotRef, ...] = ()
        self._is_origin = False
        self._snapshotter = Snapshotter(settings, assignment.group, stream)
        now = time.monotonic()
        self._journaled_at = self._heard_at = self._asked_at = now
        # Groups take turns, and none begins with it: the moments after a hand-over are busy enough.
        turn = (assignment.group + 1) / assignment.groups
        self._cut_at = now - settings.flush_seconds * (1 - turn)
        self._snapshot_at = now - settings.state_snapshot_seconds * (1 - turn)
        self._last_cut_done = self._last_snapshot_done = self._last_snapshot_named = False

    def close(self) -> None:
        """End the background threads."""
        self._worker.close()
        self._snapshotter.close()

    def take_over(self, standing: Standing | None) -> None:
        """Journal the `owner` record together with every alert that is still owed."""
        self._is_origin = standing is None
        if standing is not None:
            self._held.advance(standing.flushed, standing.stepped)
            self._snapshots = standing.snapshots
            self._is_origin = not standing.has_flushed
        self._commit([self._entry("owner")])
        log.info("owns the group", extra=self._places())
        runs = self._settings.topic_partitions
        self._journal.follow({runs: self._journal.end(runs)})

    def drain(self) -> None:
        """Step, publish and flush until the boundary; then journal the final record."""
        ends: Positions | None = None
        source = self._stream.source
        while not (source.is_bounded and self._stream.is_at_rest):
            self._stream.advance()
            self._stream.tell()
            self._publish()
            self._check_run()
            if time.time() * 1000 >= self._assignment.window_stop:
                # Asked after `stop`, so that every record appended before it lies below.
                ends = ends or self._stream.queried_ends()
                if ends is not None:
                    source.close_bounds_at(ends)
            else:
                self._begin_snapshot_when_due()
                self._begin_flush_when_due()
        self._finish(dict(source.bounds))

    def _publish(self) -> None:
        """One transaction where there is something to say, or the lease asks for a sign of life."""
        written = self._take_written()
        if written is not None:
            crash_point(self._settings, "files_written")
        entries = [] if written is None else [self._flush_entry(written)]
        overdue = time.monotonic() - self._journaled_at > self._settings.lease_seconds / 3
        if not entries and (overdue or self._held.due_alerts() or self._held.due_seals()):
            entries = [self._entry("step")]
        if entries:
            self._commit(entries)

    def _commit(self, entries: list[Entry]) -> None:
        alerts, seals = self._held.due_alerts(), self._held.due_seals()
        entries[-1] = replace(entries[-1], latency_ms=_latencies(alerts))
        self._ledger.commit(entries, alerts, seals)
        self._journaled_at = time.monotonic()
        self._held.published(alerts, seals)
        newest = entries[-1]
        self._held.advance(newest.flushed, newest.stepped)

    def _take_written(self, *, wait: bool = False) -> Written | None:
        try:
            return self._worker.take(wait=wait)
        except OSError as error:
            self._report(error)
            self._cut_at = time.monotonic() - self._settings.flush_seconds + _RETRY_FLUSH_SECONDS
            return None

    def _report(self, error: OSError) -> None:
        log.error(
            "flush failed, rows are kept and written again in %.0f s: %s; free some space in %s",
            _RETRY_FLUSH_SECONDS,
            error,
            self._settings.lake,
        )

    def _begin_flush_when_due(self) -> None:
        if self._worker.is_busy or not self._stream.is_at_rest:
            return
        now = time.monotonic()
        is_last = not self._last_cut_done and self._to_stop() <= _LAST_CUT_SECONDS
        if is_last or now - self._cut_at >= self._settings.flush_seconds:
            self._last_cut_done |= is_last
            self._cut_at = now
            # Whoever took over before it had caught up still replays rows that are journaled.
            end = furthest(self._stream.source.positions, self._held.flushed)
            if end != self._held.flushed:
                self._worker.begin(self._cut(end))

    def _begin_snapshot_when_due(self) -> None:
        now = time.monotonic()
        is_last = not self._last_snapshot_done and self._to_stop() <= _LAST_SNAPSHOT_SECONDS
        if is_last or now - self._snapshot_at >= self._settings.state_snapshot_seconds:
            self._snapshot_at = now
            if self._snapshotter.begin():
                self._last_snapshot_done |= is_last
        self._snapshotter.advance()
        is_unnamed = self._last_snapshot_done and not self._last_snapshot_named
        if is_unnamed and self._snapshotter.is_written:
            # A flush names it, and the successor looks for it about now.
            self._last_snapshot_named = True
            self._cut_at = now - self._settings.flush_seconds

    def _to_stop(self) -> float:
        return self._assignment.window_stop / 1000 - time.time()

    def _cut(self, end: Positions) -> Cut:
        return Cut(self._held.rows_to_flush(), end, self._assignment.hour)

    def _finish(self, bounds: Positions) -> None:
        """The rest of the rows and the `final` record, in one transaction.

        Written in this thread: the successor waits for it.
        """
        written = self._take_written(wait=True)
        if written is not None:
            self._commit([self._flush_entry(written)])
        entries: list[Entry] = []
        while bounds != self._held.flushed and not entries:
            try:
                entries = [self._flush_entry(self._worker.write(self._cut(bounds)))]
            except OSError as error:
                self._report(error)
                self._commit([self._entry("step")])
                time.sleep(_RETRY_FLUSH_SECONDS)
        crash_point(self._settings, "before_final")
        final = self._entry("final")
        self._commit([*entries, replace(final, flushed=bounds, stepped=bounds)])
        log.info("ended its window", extra=self._places())

    def _places(self) -> Mapping[str, Positions]:
        """Next offsets by partition, for the log."""
        return {"flushed": dict(self._held.flushed), "stepped": dict(self._held.stepped)}

    def _entry(self, kind: str) -> Entry:
        return Entry(
            kind=kind,  # type: ignore[arg-type]
            group=self._assignment.group,
            term=self._assignment.term,
            run_id=self._assignment.run_id,
            stop=self._assignment.window_stop,
            flushed=dict(self._held.flushed),
            # Of what is due all is published with this, and nothing of a batch that still waits.
            stepped=dict(self._held.reached),
            snapshots=self._snapshots,
            origin=self._is_origin,
        )

    def _flush_entry(self, written: Written) -> Entry:
        cut = written.cut
        snapshot = self._snapshotter.take(cut.end)
        if snapshot is not None:
            kept = self._settings.state_snapshots_kept
            self._snapshots = (snapshot, *self._snapshots)[:kept]
        entry = self._entry("flush")
        self._is_origin = False
        return replace(
            entry,
            flushed=dict(cut.end),
            snapshots=self._snapshots,
            start=cut.rows.start,
            hour=cut.hour,
            files=written.files,
            counts=self._counts(written),
            versions={"rules": RULES.version},
        )

    def _counts(self, written: Written) -> Mapping[str, int]:
        counts = self._stream.counts()
        if written.appended is not None:
            counts["first_append_ms"], counts["last_append_ms"] = written.appended
        return counts

    def _check_run(self) -> None:
        """Leave where the run has been silent for longer than its lease: nobody commits the rows."""
        now = time.monotonic()
        if now - self._asked_at < 1.0:
            return
        self._asked_at = now
        for entry in self._journal.poll(0):
            if entry.kind == "run" and entry.run_id == self._assignment.run_id:
                self._heard_at = now
        if now - self._heard_at > self._settings.run_lease_seconds:
            raise RunLostError(
                f"run {self._assignment.run_id} has been silent for "
                f"{now - self._heard_at:.0f} s; leaving the group to its successor"
            )


def _latencies(alerts: list[AlertRecord]) -> tuple[int, ...]:
    now = round(time.time() * 1000)
    known = [max(0, now - alert.sent_at) for alert in alerts if alert.sent_at is not None]
    return tuple(known[:_LATENCIES_KEPT])
