"""Takes snapshots while the stream goes on: one partition's state between two steps at a time.

A partition's state takes milliseconds to copy, a group's takes long enough for an alert to notice.
Partitions are copied at different positions, which a snapshot records for each: none depends on
another's.
"""

from __future__ import annotations

import logging
from concurrent.futures import Future

from fraudstream_platform.drain.background import background_thread
from fraudstream_platform.drain.journal import SnapshotRef
from fraudstream_platform.drain.positions import Positions, covers
from fraudstream_platform.drain.snapshot import (
    Arrays,
    copy_exchange,
    copy_state,
    write_snapshot,
)
from fraudstream_platform.drain.stream import Stream
from fraudstream_platform.settings import Settings

log = logging.getLogger(__name__)


class Snapshotter:
    """Copies, writes and hands out one snapshot at a time."""

    def __init__(self, settings: Settings, group: int, stream: Stream) -> None:
        self._settings = settings
        self._group = group
        self._stream = stream
        self._left: list[int | None] = []
        self._arrays: Arrays = {}
        self._positions: Positions = {}
        self._pool = background_thread(f"snapshot-{group}")
        self._writing: Future[SnapshotRef] | None = None
        self._written: SnapshotRef | None = None

    def begin(self) -> bool:
        """Start a snapshot; False, and nothing is started, while one is being taken."""
        self._collect()
        if self._left or self._writing is not None:
            return False
        self._left = [None, *self._stream.partitions]
        return True

    @property
    def is_written(self) -> bool:
        """True where a snapshot is written that `take` has not given out."""
        self._collect()
        return self._written is not None

    def advance(self) -> None:
        """Copy one more part where one is left, a partition or the exchange (None); between steps."""
        if not self._left or not self._stream.is_at_rest:
            return
        partition = self._left.pop()
        if partition is None:
            self._arrays |= copy_exchange(self._stream.detector)
        else:
            self._positions[partition] = self._stream.source.positions[partition]
            self._arrays |= copy_state(self._stream.detector, partition)
        if not self._left:
            arrays, positions = self._arrays, self._positions
            self._arrays, self._positions = {}, {}
            self._writing = self._pool.submit(
                write_snapshot, self._settings, self._group, arrays, positions
            )

    def take(self, flushed: Positions) -> SnapshotRef | None:
        """The newest snapshot, once: when it is written and every row before it is journaled."""
        self._collect()
        if self._written is None or not covers(flushed, self._written.positions):
            return None
        written, self._written = self._written, None
        return written

    def close(self) -> None:
        """Wait for the thread and end it."""
        self._pool.shutdown()

    def _collect(self) -> None:
        if self._writing is None or not self._writing.done():
            return
        writing, self._writing = self._writing, None
        try:
            self._written = writing.result()
        except OSError as error:
            log.error("no snapshot is kept, a successor replays more: %s", error)
