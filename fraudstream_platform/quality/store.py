"""`quality.metrics`: what is measured of it, read back, and added to it exactly once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from fraudstream_platform.contracts.schemas import POSITION_SCHEMA
from fraudstream_platform.contracts.tables import QUALITY_SCHEMA, SILVER_SCHEMA
from fraudstream_platform.contracts.validation import pandera_failures
from fraudstream_platform.drain.journal import Entry
from fraudstream_platform.lake.tables import HOUR, QUALITY, TABLES, scan, table_uri
from fraudstream_platform.quality.judge import PAST_WINDOWS, SHARES, Judgement, Past
from fraudstream_platform.quality.measures import Measured
from fraudstream_platform.settings import Settings

Row = dict[str, Any]
_AT = ("partition", "offset")
_NEEDED = [
    *POSITION_SCHEMA, "first_append_time", "quality_score", "transaction_id", "event_time", "sent_at",
    "utc_offset_min", "source", "transaction_type", "initiator", "amount_minor", "currency",
    "billing_amount_minor", "customer", "card", "bin8", "product", "mcc", "merchant_country",
    "latitude", "geo_precision_km", "entry_mode", "outcome", "email", "device", "ip", "ip_country",
]  # fmt: skip
_PAST_HOURS = 6
_REMEMBERED_HOURS = 48
"""A source of which nothing came in so many hours with rows begins anew."""
_WIDE = ("distributions", "failed_rules", "schema_ids")


def rows_of(settings: Settings, flushes: Sequence[Entry]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What `measure` asks for: judged rows and dead letters of the flushes.

    Read from the files that the journal names; once they are gone (compacted and vacuumed hours ago)
    from the table.
    """
    silver = _read(settings, "silver.transactions", flushes, _NEEDED)
    quarantine = _read(settings, "silver.quarantine", flushes, [*_NEEDED, "failed_rules"])
    bronze = _read(settings, "bronze.transactions", flushes, [*_AT, "schema_id"])
    dead_letters = _read(settings, "bronze.dead_letter", flushes, ["offset"])
    judged = pl.concat([silver, quarantine], how="diagonal")
    judged = judged.join(bronze.drop(HOUR), on=_AT, how="left", maintain_order="left")
    return judged, dead_letters


def newest_silver(settings: Settings, flushes: Sequence[Entry], count: int) -> pl.DataFrame:
    """At most `count` of the newest Silver rows of the flushes, with all their columns."""
    table, found, rows = "silver.transactions", list[Entry](), 0
    for flush in sorted(flushes, key=lambda entry: -entry.at):
        if rows >= count:
            break
        found.append(flush)
        rows += sum(file.rows for file in flush.files if file.table == table)
    return _read(settings, table, found, list(SILVER_SCHEMA)).tail(count)


def broken_rules(silver: pl.DataFrame, oldest_event_days: int) -> dict[str, Sequence[str]]:
    """Place (partition:offset) of Silver rows that break a rule by Pandera's word -> the rules.

    None do, unless the step's expressions and their model fall apart.
    """
    rows = silver.select(list(SILVER_SCHEMA)).cast(SILVER_SCHEMA)
    rows = rows.with_columns(pl.lit(True).alias("key_agrees"))
    failures = pandera_failures(rows, oldest_event_days) if rows.height else []
    places = rows.select("partition", "offset").iter_rows()
    return {
        f"{partition}:{offset}": rules
        for (partition, offset), rules in zip(places, failures, strict=True)
        if rules
    }


def _read(
    settings: Settings, table: str, flushes: Sequence[Entry], columns: Sequence[str]
) -> pl.DataFrame:
    schema = {**{name: TABLES[table][name] for name in columns}, HOUR: pl.String()}
    parts = [pl.DataFrame(schema=schema)]
    for flush in flushes:
        for file in (one for one in flush.files if one.table == table):
            path = f"{table_uri(settings, table)}/{file.path}"
            try:
                frame = pl.read_parquet(path, columns=list(columns), hive_partitioning=False)
            except FileNotFoundError:
                frame = _of_range(settings, table, flush).select(*columns, HOUR)
            else:
                frame = frame.with_columns(pl.lit(flush.hour).alias(HOUR))
            parts.append(frame.cast(pl.Schema(schema)))
    return pl.concat(parts)


def _of_range(settings: Settings, table: str, flush: Entry) -> pl.DataFrame:
    inside = pl.any_horizontal(
        (pl.col("partition") == partition)
        & pl.col("offset").is_between(start, flush.flushed[partition], closed="left")
        for partition, start in flush.start.items()
    )
    return scan(settings, table).filter((pl.col(HOUR) == flush.hour) & inside).collect()


def newest(settings: Settings) -> pl.DataFrame:
    """The metrics of the newest hours, the oldest first; what is wide only of the last few."""
    table = scan(settings, QUALITY)
    hours = table.select(pl.col(HOUR).unique()).collect()[HOUR].sort()
    near, far = hours.tail(_PAST_HOURS), hours.tail(_REMEMBERED_HOURS).head(-_PAST_HOURS)
    rows = [table.filter(pl.col(HOUR).is_in(near.to_list())).collect()]
    if far.len():
        rows.append(table.filter(pl.col(HOUR).is_in(far.to_list())).drop(_WIDE).collect())
    return pl.concat(rows, how="diagonal").cast(frame_of([]).schema).sort("measured_at", HOUR)


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


def _by_field(counts: Iterable[Row] | None) -> Mapping[str, Mapping[str, int]]:
    fields: dict[str, dict[str, int]] = defaultdict(dict)
    for one in counts or ():
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
