"""`quality.metrics`: what is measured of it, read back, and added to it exactly once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from fraudstream_platform.contracts.tables import QUALITY_SCHEMA
from fraudstream_platform.drain.journal import Entry
from fraudstream_platform.lake.tables import HOUR, QUALITY, scan, table_uri
from fraudstream_platform.quality.judge import PAST_WINDOWS, Judgement, Past
from fraudstream_platform.quality.measures import Measured
from fraudstream_platform.settings import Settings

Row = dict[str, Any]
SHARES = ("completeness", "validity", "uniqueness", "timeliness", "quality_score")
_AT = ("partition", "offset")


def rows_of(settings: Settings, flushes: Sequence[Entry]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What `measure` asks for: judged rows and dead letters of the flushes.

    Read from the files that the journal names; once they are gone (compacted and vacuumed hours ago)
    from the table.
    """
    silver = _read(settings, "silver.transactions", flushes)
    quarantine = _read(settings, "silver.quarantine", flushes)
    bronze = _read(settings, "bronze.transactions", flushes).select(*_AT, "schema_id")
    dead_letters = _read(settings, "bronze.dead_letter", flushes).select(HOUR)
    judged = pl.concat([silver, quarantine], how="diagonal")
    return judged.join(bronze, on=_AT, how="left", maintain_order="left"), dead_letters


def _read(settings: Settings, table: str, flushes: Sequence[Entry]) -> pl.DataFrame:
    parts = [scan(settings, table).head(0).collect()]
    for flush in flushes:
        for file in (one for one in flush.files if one.table == table):
            path = f"{table_uri(settings, table)}/{file.path}"
            try:
                frame = pl.read_parquet(path, hive_partitioning=False)
            except FileNotFoundError:
                parts.append(_of_range(settings, table, flush))
                break
            parts.append(frame.with_columns(pl.lit(flush.hour).alias(HOUR)))
    return pl.concat(parts, how="diagonal_relaxed")


def _of_range(settings: Settings, table: str, flush: Entry) -> pl.DataFrame:
    inside = pl.any_horizontal(
        (pl.col("partition") == partition)
        & pl.col("offset").is_between(start, flush.flushed[partition], closed="left")
        for partition, start in flush.start.items()
    )
    return scan(settings, table).filter((pl.col(HOUR) == flush.hour) & inside).collect()


def newest(settings: Settings) -> pl.DataFrame:
    """The metrics of the newest hours, the oldest first: enough for every source's past."""
    hours = scan(settings, QUALITY).select(pl.col(HOUR).unique()).collect()[HOUR].sort()
    kept = hours.tail(PAST_WINDOWS).to_list()
    rows = scan(settings, QUALITY).filter(pl.col(HOUR).is_in(kept)).collect()
    return rows.sort("measured_at", HOUR)


def past_of(metrics: pl.DataFrame) -> dict[str, list[Past]]:
    """Every source's past, the oldest first."""
    found: dict[str, list[Past]] = defaultdict(list)
    for (source,), rows in metrics.group_by(["source"], maintain_order=True):
        for row in rows.tail(2 * PAST_WINDOWS).iter_rows(named=True):
            shares = {name: row[name] for name in SHARES}
            found[str(source)].append(
                Past(row["is_healthy"], row["is_degraded"], shares, _by_field(row["distributions"]))
            )
    return found


def _by_field(counts: Iterable[Row]) -> Mapping[str, Mapping[str, int]]:
    fields: dict[str, dict[str, int]] = defaultdict(dict)
    for one in counts:
        fields[one["field"]][one["value"]] = one["records"]
    return fields


def row_of(
    measured: Measured, judged: Judgement, window: tuple[datetime, datetime], at: datetime
) -> Row:
    """A row of the table, with its hour."""
    return {
        HOUR: measured.hour,
        "window_start": window[0],
        "window_stop": window[1],
        "measured_at": at,
        "source": measured.source,
        "records": measured.records,
        "valid": measured.valid,
        "quarantined": measured.quarantined,
        "held": measured.held,
        "dead_letters": measured.dead_letters,
        **{name: measured.shares.get(name) for name in SHARES},
        "delay_p50_ms": measured.delays_ms[0],
        "delay_p95_ms": measured.delays_ms[1],
        "drift": judged.drift,
        "drift_field": judged.drift_field,
        "schema_ids": list(measured.schema_ids),
        "failed_rules": [
            {"rule": rule, "records": count} for rule, count in measured.failed_rules.items()
        ],
        "distributions": [
            {"field": name, "value": value, "records": count}
            for name, counts in measured.distributions.items()
            for value, count in counts.items()
        ],
        "reasons": list(judged.reasons),
        "is_healthy": judged.is_healthy,
        "is_degraded": judged.is_degraded,
        "notice": judged.notice,
    }


def frame_of(rows: Sequence[Row]) -> pl.DataFrame:
    """Rows as a frame with the table's columns."""
    return pl.DataFrame(rows, schema={HOUR: pl.String(), **QUALITY_SCHEMA}, orient="row")
