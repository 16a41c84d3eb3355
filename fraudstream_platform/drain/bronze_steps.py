"""Bronze rows read back in the order in which they were stepped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from fraudstream_platform.contracts.tables import BRONZE_SCHEMA
from fraudstream_platform.detection.exchange_rows import SPREAD_MS
from fraudstream_platform.lake.tables import HOUR, scan
from fraudstream_platform.settings import Settings

_STEP_ROWS = 4_000


def hours_upto(settings: Settings, last: str) -> Sequence[str]:
    """Hours that Bronze has, the oldest first, up to `last`."""
    hours = scan(settings, "bronze.transactions").select(pl.col(HOUR).unique()).collect()[HOUR]
    return sorted(one for one in hours.to_list() if one <= last)


@dataclass(frozen=True)
class Turn:
    """A stretch of an hour: the first and last offset that each partition got in it."""

    until_ms: int
    """The newest append time, epoch ms."""
    offsets: dict[int, tuple[int, int]]


def turns_of(settings: Settings, hour: str, partitions: Sequence[int]) -> Iterator[Turn]:
    """An hour's rows in stretches, so that all partitions advance together.

    What tasks heard of each other goes by append time, and an exchange remembers it for no longer
    than its records are apart.
    """
    rows = (
        scan(settings, "bronze.transactions")
        .filter((pl.col(HOUR) == hour) & pl.col("partition").is_in(partitions))
        .select("partition", "offset", pl.col("append_time").dt.epoch("ms").alias("moment"))
        .collect()
        .sort("partition", "offset")
        .with_columns(pl.col("moment").cum_max().over("partition"))
        .with_columns(((pl.col("moment") - pl.col("moment").min()) // SPREAD_MS).alias("turn"))
    )
    for _, turn in rows.sort("turn", maintain_order=True).group_by("turn", maintain_order=True):
        ends = turn.group_by("partition", maintain_order=True).agg(
            pl.col("offset").min().alias("first"), pl.col("offset").max().alias("last")
        )
        offsets = {partition: (first, last) for partition, first, last in ends.iter_rows()}
        yield Turn(int(turn["moment"].to_numpy().max()), offsets)


def steps_of(
    settings: Settings, hour: str, partition: int, offsets: tuple[int, int]
) -> Iterator[pl.DataFrame]:
    """Bronze rows of one partition and hour in offset order, a few thousand at a time."""
    rows = (
        scan(settings, "bronze.transactions")
        .filter((pl.col(HOUR) == hour) & (pl.col("partition") == partition))
        .filter(pl.col("offset").is_between(*offsets))
        .select(list(BRONZE_SCHEMA))
        .collect()
        .cast(BRONZE_SCHEMA)
        .sort("offset")
    )
    yield from rows.iter_slices(_STEP_ROWS)
