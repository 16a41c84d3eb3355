"""Measures what has been committed since the last measurement, each record once.

1. The table's own position says what has been measured; the journal names the flushes after it.
2. Their rows are measured by hour and source, and judged by the windows before.
3. Figures, judgements and what is to be told enter `quality.metrics` in one commit, with the new
   position. A rival, a repeat or a crash before it measures again; after it, nobody does.

So a notice is in the table if and only if the state that it tells of is: `outbox` sends it from there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import polars as pl

from fraudstream_platform.contracts.tables import QUARANTINE_SCHEMA
from fraudstream_platform.drain.committer import application_of
from fraudstream_platform.drain.journal import Entry, JournalReader
from fraudstream_platform.drain.positions import Positions, covers, group_partitions
from fraudstream_platform.lake.commit import (
    Batch,
    CommitGapError,
    TableAppender,
    recorded_versions,
)
from fraudstream_platform.lake.files import discard, write_file
from fraudstream_platform.lake.tables import HOUR, QUALITY, open_table
from fraudstream_platform.quality.judge import Past, judge
from fraudstream_platform.quality.measures import Measured, measure
from fraudstream_platform.quality.store import (
    broken_rules,
    frame_of,
    newest,
    newest_silver,
    past_of,
    row_of,
    rows_of,
)
from fraudstream_platform.settings import Settings

_SAMPLE = 5
_DRAWN = 60
_LOOKED_AT = 20_000
_ROWS_TOGETHER = 500_000
_FIRST_FLUSHES = 64
"""A lake that was never measured begins with its newest: older flushes may be many, and gone."""
_SHOWN = ("partition", "offset", "source", "transaction_id", "quality_score", "failed_rules")


@dataclass(frozen=True)
class Measurement:
    """What a run measured: rows of `quality.metrics`, and what they leave behind."""

    metrics: pl.DataFrame
    degraded: Mapping[str, Sequence[str]]
    """Sources that are degraded now -> why, as their newest unhealthy window said."""
    sample: pl.DataFrame
    """Some quarantined records; no identities."""
    trend: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """Source -> mean scores of its newest windows (of the topic: shares decoded)."""
    broken: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Place (partition:offset) of Silver rows that break a rule, by Pandera's word -> the rules."""
    looked_at: int = 0
    """Silver rows that Pandera looked at: the window's newest."""


def measure_window(
    settings: Settings, window: tuple[int, int], upto: Mapping[int, int]
) -> Measurement:
    """Measure everything journaled and committed up to `upto` that nobody has measured.

    `window`: nominal start and stop, epoch ms. Many records are measured in parts, each with rows of
    its own. Without news there are no metrics.
    """
    application = f"{application_of(settings)}.quality"
    partitions = range(settings.topic_partitions)
    versions = recorded_versions(open_table(settings, QUALITY), application, partitions)
    known = {p: version for p, version in versions.items() if version is not None}
    flushes = _flushes(settings, known, upto)
    before, sample = newest(settings), _sample([])
    ours = [frame_of([])]
    start: Positions = {p: known.get(p, 0) for p in partitions}
    for part in _parts(flushes):
        rows, dead_letters = rows_of(settings, part)
        metrics = _judged(settings, measure(rows, dead_letters), before, window)
        end = dict(start)
        for flush in part:
            end.update(flush.flushed)
        batch = Batch(start, end, (), origin=not known and len(ours) == 1)
        if not _has_entered(settings, application, metrics, batch):
            before = newest(settings)
            break
        before = pl.concat([before, metrics], how="diagonal")
        ours.append(metrics)
        sample = _sample([sample, rows])
        start = end
    silver = newest_silver(settings, flushes, _LOOKED_AT)
    return Measurement(
        metrics=pl.concat(ours),
        degraded=_degraded(before),
        sample=sample,
        trend=_trend(before),
        broken=broken_rules(silver, settings.oldest_event_days),
        looked_at=silver.height,
    )


def _parts(flushes: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Flushes in the order of the journal, so many together that their rows fit into memory."""
    part: list[Entry] = []
    rows = 0
    for flush in sorted(flushes, key=lambda entry: entry.at):
        part.append(flush)
        rows += sum(file.rows for file in flush.files if file.table == "bronze.transactions")
        if rows >= _ROWS_TOGETHER:
            yield part
            part, rows = [], 0
    if part:
        yield part


def _sample(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The first quarantined records of some frames."""
    if not frames:
        return pl.DataFrame(schema={name: QUARANTINE_SCHEMA[name] for name in _SHOWN})
    kept = [one.filter(pl.col("failed_rules").list.len() > 0).select(_SHOWN) for one in frames]
    return pl.concat(kept).head(_SAMPLE)


def _trend(metrics: pl.DataFrame) -> dict[str, Sequence[float]]:
    score = pl.coalesce("quality_score", "validity")
    return {
        str(source): rows.select(score).to_series().drop_nulls().tail(_DRAWN).to_list()
        for (source,), rows in metrics.group_by(["source"], maintain_order=True)
    }


def _degraded(metrics: pl.DataFrame) -> dict[str, Sequence[str]]:
    found: dict[str, Sequence[str]] = {}
    for (source,), rows in metrics.group_by(["source"], maintain_order=True):
        if rows["is_degraded"][-1]:
            told = rows.filter(pl.col("reasons").list.len() > 0)["reasons"]
            found[str(source)] = told[-1].to_list() if told.len() else []
    return found


def _flushes(settings: Settings, known: Positions, upto: Mapping[int, int]) -> list[Entry]:
    found: list[Entry] = []
    journal = JournalReader(settings)
    try:
        for group in range(settings.drain_groups):
            mine = group_partitions(group, settings.drain_groups, settings.topic_partitions)
            since = {p: known[p] for p in mine if p in known}
            limit = {p: upto[p] for p in mine if p in upto}
            found += [
                entry
                for entry in _entries(journal, group, since)
                if entry.kind == "flush"
                and not (since and covers(since, entry.flushed))
                and covers(limit, entry.flushed)
            ]
    finally:
        journal.close()
    return found


def _entries(journal: JournalReader, group: int, since: Positions) -> list[Entry]:
    if since:
        return journal.back_to(group, since)
    return journal.tail(group, ("flush",), _FIRST_FLUSHES)


def _judged(
    settings: Settings, measured: Sequence[Measured], before: pl.DataFrame, window: tuple[int, int]
) -> pl.DataFrame:
    past: dict[str, list[Past]] = past_of(before)
    span = (_moment(window[0]), _moment(window[1]))
    now = _moment(round(time.time() * 1000))
    if before.height:
        now = max(now, before["measured_at"][-1] + timedelta(milliseconds=1))
    rows = []
    for one in measured:  # hours in their order: a source's past grows by the way
        mine = past.setdefault(one.source, [])
        judged = judge(one, mine, settings.data_quality_alert_threshold)
        mine.append(Past(judged.is_healthy, judged.is_degraded, one.shares, one.distributions))
        rows.append(row_of(one, judged, span, now))
        now += timedelta(milliseconds=1)
    return frame_of(rows)


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _has_entered(settings: Settings, application: str, metrics: pl.DataFrame, batch: Batch) -> bool:
    files = [
        write_file(settings, QUALITY, str(hour), part)
        for (hour,), part in metrics.group_by([HOUR], maintain_order=True)
    ]
    whole = Batch(batch.start, batch.end, files, batch.origin)
    try:
        added = TableAppender(settings, QUALITY, application).commit([whole])
    except CommitGapError:
        added = -1  # a rival measured a part of it
    if added != metrics.height:
        discard(settings, files)
    return added == metrics.height
