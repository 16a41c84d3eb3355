"""Reads of Silver a pattern's window of event time, no more hours and columns than it needs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from fraudstream_platform.contracts.tables import SILVER_SCHEMA
from fraudstream_platform.lake.tables import HOUR, open_table, scan
from fraudstream_platform.settings import Settings

SILVER = "silver.transactions"
_FACTS = (
    "partition", "offset", HOUR, "transaction_id", "event_time", "append_time", "customer", "card",
    "merchant_id", "billing_amount_minor",
)  # fmt: skip
_CLOCKS_DIFFER = timedelta(minutes=5)
"""An event may be that much newer than its append."""


def recent(settings: Settings, columns: Sequence[str], window_s: int) -> pl.DataFrame:
    """Rows of the last `window_s` seconds of event time, up to the newest one of the newest hour."""
    hours = _hours(settings)
    if not hours:
        return SILVER_SCHEMA.to_frame().select(columns)
    last = (
        scan(settings, SILVER).filter(pl.col(HOUR) == hours[-1]).select(pl.col("event_time").max())
    )
    newest: datetime | None = last.collect().item()
    if newest is None:
        return SILVER_SCHEMA.to_frame().select(columns)
    since = newest - timedelta(seconds=window_s)
    # A row is never in an hour before its event's: it was appended after it happened.
    first = (since - _CLOCKS_DIFFER).strftime("%Y-%m-%dT%H")
    rows = scan(settings, SILVER).filter((pl.col(HOUR) >= first) & (pl.col("event_time") >= since))
    found: pl.DataFrame = rows.select(columns).collect()
    return found


def facts_of(
    settings: Settings, places: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], dict[str, Any]]:
    """What an alert tells of the transactions at these partitions and offsets."""
    asked = pl.LazyFrame(
        places, schema={"partition": pl.Int32(), "offset": pl.Int64()}, orient="row"
    )
    offsets = [offset for _, offset in places]
    rows = (
        scan(settings, SILVER)
        .filter(pl.col("offset").is_in(offsets))
        .select(_FACTS)
        .join(asked, on=["partition", "offset"], how="semi")
        .collect()
    )
    return {(row["partition"], row["offset"]): row for row in rows.iter_rows(named=True)}


def _hours(settings: Settings) -> list[str]:
    return sorted(str(part[HOUR]) for part in open_table(settings, SILVER).partitions())
