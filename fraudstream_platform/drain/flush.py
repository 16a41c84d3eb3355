"""The flush worker: writes a range's files, off the step's thread unless somebody waits for them."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from fraudstream_platform.drain.background import background_thread
from fraudstream_platform.drain.held import HeldRows
from fraudstream_platform.drain.positions import Positions
from fraudstream_platform.lake.files import DataFile, discard, encode, store
from fraudstream_platform.lake.tables import DRAINED
from fraudstream_platform.settings import Settings


@dataclass(frozen=True)
class Cut:
    """A range whose rows are to be written: everything from `start` to `end`."""

    rows: HeldRows
    end: Positions
    hour: str


@dataclass(frozen=True)
class Written:
    """The files of a cut, ready to be journaled."""

    cut: Cut
    files: tuple[DataFile, ...]
    appended: tuple[int, int] | None
    """First and last append time of the Bronze rows, epoch ms; None where there are none."""


class FlushWorker:
    """One thread, one cut at a time."""

    def __init__(self, settings: Settings, group: int) -> None:
        self._settings = settings
        self._pool = background_thread(f"flush-{group}")
        # Waiting for the disk takes longest, so the tables wait together.
        self._writers = ThreadPoolExecutor(len(DRAINED), thread_name_prefix=f"write-{group}")
        self._pending: Future[Written] | None = None

    @property
    def is_busy(self) -> bool:
        """True from `begin` until `take`."""
        return self._pending is not None

    def begin(self, cut: Cut) -> None:
        """Start writing `cut` in the background."""
        self._pending = self._pool.submit(self.write, cut)

    def take(self, *, wait: bool = False) -> Written | None:
        """What was written, once it is; raises OSError where the disk refused it."""
        if self._pending is None or not (wait or self._pending.done()):
            return None
        pending, self._pending = self._pending, None
        return pending.result()

    def write(self, cut: Cut) -> Written:
        """Write `cut` in this thread; raises OSError, and leaves no file, where the disk refuses."""
        files: list[DataFile] = []
        frames = cut.rows.frames()
        try:
            writing = [
                self._writers.submit(
                    store, self._settings, table, cut.hour, encode(table, frame), frame.height
                )
                for table, frame in frames.items()
                if frame.height
            ]
            wait(writing)
            files += [one.result() for one in writing if one.exception() is None]
            for one in writing:
                one.result()
        except OSError:
            discard(self._settings, files)
            raise
        return Written(cut, tuple(files), _appended(frames["bronze.transactions"]))

    def close(self) -> None:
        """Wait for the threads and end them; files of a cut in flight become orphans."""
        self._pool.shutdown()
        self._writers.shutdown()


def _appended(bronze: pl.DataFrame) -> tuple[int, int] | None:
    times = bronze["append_time"]
    first, last = times.min(), times.max()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return None
    return round(first.timestamp() * 1000), round(last.timestamp() * 1000)
