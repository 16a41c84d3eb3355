"""Rebuilding an hour of Silver, features and alerts from Bronze, with the step that ran live.

State at the hour's start is computed from all earlier Bronze rows of the group's partitions, in
offset order. Rebuilt alerts never reach the alert topic: they stand in a table of their own.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from fraudstream_platform.contracts.tables import BRONZE_SCHEMA
from fraudstream_platform.detection.step import Detector
from fraudstream_platform.drain.committer import committed_positions
from fraudstream_platform.drain.journal import JournalReader
from fraudstream_platform.drain.positions import covers, group_partitions
from fraudstream_platform.drain.resume import standing_of
from fraudstream_platform.lake.files import DataFile, write_file
from fraudstream_platform.lake.replace import replace_hour
from fraudstream_platform.lake.tables import ALERTS, HOUR, REBUILT_ALERTS, scan
from fraudstream_platform.settings import Settings, get_settings

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

_STEP_ROWS = 4_000
_HOUR_MS = 3_600_000
_REBUILT = ("silver.transactions", "silver.quarantine", "gold.features", REBUILT_ALERTS)


class HourNotSealedError(RuntimeError):
    """The hour may still get rows: a live append after a replacement would double it."""


def rebuild_hour(settings: Settings, spark: SparkSession, hour: str) -> dict[str, int]:
    """Rebuild one sealed hour by Spark; rows written by table. Alerts count as `gold.alerts`."""
    refuse_unsealed(settings, hour)
    groups = settings.drain_groups

    def rebuild(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        from fraudstream_platform.drain.rebuild import rebuild_group

        for batch in batches:
            texts = [rebuild_group(hour, group, groups) for group in batch.column(0).to_pylist()]
            yield pa.RecordBatch.from_arrays([pa.array(texts)], names=["files"])

    frame = spark.range(0, groups, 1, groups).mapInArrow(rebuild, "files string")
    files = [DataFile(**raw) for row in frame.collect() for raw in json.loads(row.files)]
    rows: dict[str, int] = defaultdict(int)
    for table in _REBUILT:
        own = [file for file in files if file.table == table]
        replace_hour(settings, table, hour, own)
        rows[ALERTS if table == REBUILT_ALERTS else table] = sum(file.rows for file in own)
    return dict(rows)


def refuse_unsealed(settings: Settings, hour: str) -> None:
    """Raise HourNotSealedError unless every group is past the hour, and all of it is committed."""
    start = datetime.strptime(hour, "%Y-%m-%dT%H").replace(tzinfo=UTC)
    end_ms = round(start.timestamp() * 1000) + _HOUR_MS
    if time.time() * 1000 < end_ms:
        raise HourNotSealedError(f"{hour} is not over yet: rebuild it later")
    committed = committed_positions(settings, range(settings.topic_partitions)) or {}
    journal = JournalReader(settings)
    try:
        for group in range(settings.drain_groups):
            standing = standing_of(journal.tail(group, ("owner", "flush", "final")))
            if standing is None:
                continue
            is_past = standing.is_final or standing.term.window >= end_ms
            if not is_past or not covers(committed, standing.flushed):
                raise HourNotSealedError(
                    f"{hour}: group {group} has not journaled and committed past its end; "
                    "try again when the running window has ended"
                )
    finally:
        journal.close()


def rebuild_group(hour: str, group: int, groups: int) -> str:
    """One group's share, inside a Spark worker: its files of the hour, as JSON."""
    settings = get_settings()
    partitions = group_partitions(group, groups, settings.topic_partitions)
    detector = Detector(quality_threshold=settings.silver_quality_threshold)
    kept: dict[str, list[pl.DataFrame]] = defaultdict(list)
    for past in _hours_upto(settings, hour):
        for rows in _steps(settings, past, partitions):
            result = detector.step(rows, hour)
            if past == hour:
                kept["silver.transactions"].append(result.silver)
                kept["silver.quarantine"].append(result.quarantine)
                kept["gold.features"].append(result.features)
                kept[REBUILT_ALERTS].append(result.alerts)
    files = [
        write_file(settings, table, hour, rows)
        for table, frames in kept.items()
        if (rows := pl.concat(frames)).height
    ]
    return json.dumps([file.to_json() for file in files])


def _hours_upto(settings: Settings, hour: str) -> Sequence[str]:
    hours = scan(settings, "bronze.transactions").select(pl.col(HOUR).unique()).collect()[HOUR]
    return sorted(one for one in hours.to_list() if one <= hour)


def _steps(settings: Settings, hour: str, partitions: Sequence[int]) -> Iterator[pl.DataFrame]:
    """Bronze rows of an hour in offset order, a few thousand at a time."""
    rows = (
        scan(settings, "bronze.transactions")
        .filter((pl.col(HOUR) == hour) & pl.col("partition").is_in(list(partitions)))
        .select(list(BRONZE_SCHEMA))
        .collect()
        .cast(BRONZE_SCHEMA)
        .sort("partition", "offset")
    )
    yield from rows.iter_slices(_STEP_ROWS)
