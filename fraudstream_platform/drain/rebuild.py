"""Rebuilding hours of Silver, features and alerts from Bronze, with the step that ran live.

1. Note the files that the hours have now, then refuse hours that are not sealed.
2. In Spark, a group at a time: step all Bronze rows from the first hour on, in offset order, since
   state at an hour's start is what all earlier rows made of it, and beside them the touches that
   tasks told each other then; write the files of the asked hours.
3. Hour by hour, the oldest first: replace the files noted by those written, table by table. An hour
   that has other files by then is left alone.

Nothing here writes to Kafka. Rebuilt alerts stand in a table of their own.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from fraudstream_platform.drain.bronze_steps import hours_upto, steps_of, turns_of
from fraudstream_platform.drain.committer import committed_positions
from fraudstream_platform.drain.journal import JournalReader
from fraudstream_platform.drain.positions import Positions, covers, group_partitions
from fraudstream_platform.drain.resume import Standing, standing_of
from fraudstream_platform.drain.touches import kept_touches, touches_are_kept
from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.audited import audited
from fraudstream_platform.lake.files import DataFile, write_file
from fraudstream_platform.lake.replace import hour_files, replace_hour
from fraudstream_platform.lake.tables import HOUR, REBUILT_ALERTS, scan
from fraudstream_platform.settings import Settings, get_settings

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

    from fraudstream_platform.detection.step import Detector

REBUILDABLE = ("silver.transactions", "silver.quarantine", "gold.features", REBUILT_ALERTS)

_FILE_ROWS = 100_000
_HOUR_MS = 3_600_000
_COMMIT_PATIENCE_S = 30.0
_TASKS = 2
"""Spark has three slots beside owners and standbys; an hour rebuilt must not take theirs."""

Rows = dict[str, int]
"""Rows written, by table."""


class HourNotSealedError(UserError):
    """The hour may still get rows: a live append after a replacement would double it."""


def rebuild_hours(
    settings: Settings, spark: SparkSession, hours: Iterable[str], tables: Collection[str]
) -> dict[str, Rows]:
    """Rebuild `tables` (of REBUILDABLE) of sealed hours; rows written by hour and table.

    Audited. Raises HourNotSealedError, with nothing changed, where one of `hours` may still get rows.
    """
    asked = sorted(hours)
    with audited(settings, "rebuild", ", ".join(asked), ", ".join(sorted(tables))):
        return _rebuilt(settings, spark, asked, tables)


def _rebuilt(
    settings: Settings, spark: SparkSession, asked: Sequence[str], tables: Collection[str]
) -> dict[str, Rows]:
    _refuse_unsealed(settings, asked[-1])
    _refuse_without_touches(settings, asked[-1])
    seen = {(hour, table): hour_files(settings, table, hour) for hour in asked for table in tables}
    written: dict[tuple[str, str], list[DataFile]] = {place: [] for place in seen}
    for file in _written_by_spark(settings, spark, asked, tables):
        written[file.partition, file.table].append(file)
    rows: dict[str, Rows] = defaultdict(dict)
    for (hour, table), files in written.items():
        replace_hour(settings, table, hour, files, seen[hour, table])
        rows[hour][table] = sum(file.rows for file in files)
    return dict(rows)


def _written_by_spark(
    settings: Settings, spark: SparkSession, hours: Sequence[str], tables: Collection[str]
) -> list[DataFile]:
    groups, names = settings.drain_groups, list(tables)

    def rebuild(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        from fraudstream_platform.drain.rebuild import rebuild_group

        for batch in batches:
            numbers = batch.column(0).to_pylist()
            texts = [rebuild_group(hours, group, groups, names) for group in numbers]
            yield pa.RecordBatch.from_arrays([pa.array(texts, pa.string())], names=["files"])

    frame = spark.range(0, groups, 1, min(groups, _TASKS)).mapInArrow(rebuild, "files string")
    return [DataFile(**raw) for row in frame.collect() for raw in json.loads(row.files)]


def _refuse_unsealed(settings: Settings, hour: str) -> None:
    """Raise HourNotSealedError unless every group is past `hour`, and all of it is committed."""
    start = datetime.strptime(hour, "%Y-%m-%dT%H").replace(tzinfo=UTC)
    end_ms = round(start.timestamp() * 1000) + _HOUR_MS
    if time.time() * 1000 < end_ms:
        raise HourNotSealedError(
            f"hour {hour} (UTC) is not over yet and still gets rows: rebuild earlier hours now, and "
            "this one when it is over and the next hour's first window drains"
        )
    flushed: Positions = {}
    journal = JournalReader(settings)
    try:
        for group in range(settings.drain_groups):
            standing = standing_of(journal.tail(group, ("owner", "flush", "final")))
            if standing is None or not is_past(standing, end_ms):
                raise HourNotSealedError(
                    f"hour {hour} (UTC) is not sealed: group {group} has not journaled past its "
                    "end; let the drain sensor run a window of a later hour (`fraudstream up`), "
                    "then try again"
                )
            flushed.update(standing.flushed)
    finally:
        journal.close()
    if not _committed_soon(settings, flushed):
        raise HourNotSealedError(
            f"hour {hour} (UTC) is not sealed: what was journaled {_COMMIT_PATIENCE_S:.0f} s ago is "
            "not in every table yet; see that a drain run is running, then try again"
        )


def _refuse_without_touches(settings: Settings, hour: str) -> None:
    """Raise HourNotSealedError unless the table has what was told up to the hour's last record."""
    moments = scan(settings, "bronze.transactions").filter(pl.col(HOUR) == hour)
    last = moments.select(pl.col("append_time").dt.epoch("ms").max()).collect().item()
    deadline = time.monotonic() + _COMMIT_PATIENCE_S
    while last is not None and not touches_are_kept(settings, last):
        if time.monotonic() > deadline:
            raise HourNotSealedError(
                f"hour {hour} (UTC) lacks what tasks told each other in it: see that a drain run is "
                "running, which brings it into silver.entity_touches, then try again"
            )
        time.sleep(0.5)


def is_past(standing: Standing, end_ms: int) -> bool:
    """True where a group can journal no more rows of an hour that ends at `end_ms`.

    A window that ended before the hour did may be followed by one that begins where it ended.
    """
    return standing.term.window >= end_ms or (standing.is_final and standing.stop >= end_ms)


def _committed_soon(settings: Settings, flushed: Positions) -> bool:
    """True once all tables have passed what was journaled: a live stream journals on meanwhile."""
    deadline = time.monotonic() + _COMMIT_PATIENCE_S
    while True:
        committed = committed_positions(settings, sorted(flushed))
        if committed is not None and covers(committed, flushed):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)


def rebuild_group(hours: Sequence[str], group: int, groups: int, tables: Collection[str]) -> str:
    """One group's share, inside a Spark worker: the files of its rows, as JSON."""
    settings = get_settings()
    from fraudstream_platform.detection.step import Detector  # compiled kernels, here alone

    detector = Detector(
        quality_threshold=settings.silver_quality_threshold,
        oldest_event_days=settings.oldest_event_days,
    )
    partitions = group_partitions(group, groups, settings.topic_partitions)
    files: list[DataFile] = []
    heard_ms = 0
    for hour in hours_upto(settings, hours[-1]):
        output = _Output(settings, hour, tables if hour in hours else ())
        for turn in turns_of(settings, hour, partitions):
            detector.exchange.accept(*kept_touches(settings, heard_ms, turn.until_ms))
            heard_ms = max(heard_ms, turn.until_ms)
            for partition, offsets in turn.offsets.items():
                for rows in steps_of(settings, hour, partition, offsets):
                    output.add(detector, rows)
        files.extend(output.close())
    return json.dumps([file.to_json() for file in files])


class _Output:
    """Rows of one hour, written whenever there are enough for a file."""

    def __init__(self, settings: Settings, hour: str, tables: Collection[str]) -> None:
        self._settings = settings
        self._hour = hour
        self._kept: dict[str, list[pl.DataFrame]] = {table: [] for table in tables}
        self._files: list[DataFile] = []

    def add(self, detector: Detector, bronze: pl.DataFrame) -> None:
        """Step Bronze rows and keep what is asked for."""
        result = detector.step(bronze, self._hour)
        frames = {
            "silver.transactions": result.silver,
            "silver.quarantine": result.quarantine,
            "gold.features": result.features,
            REBUILT_ALERTS: result.alerts,
        }
        for table, kept in self._kept.items():
            kept.append(frames[table])
            if sum(frame.height for frame in kept) >= _FILE_ROWS:
                self._write(table)

    def close(self) -> list[DataFile]:
        """Write the rest; all files of the hour."""
        for table in self._kept:
            self._write(table)
        return self._files

    def _write(self, table: str) -> None:
        frames, self._kept[table] = self._kept[table], []
        filled = [frame for frame in frames if frame.height]
        if filled:
            rows = pl.concat(filled)
            self._files.append(write_file(self._settings, table, self._hour, rows))
