"""State for another number of partitions, made of Bronze.

Partition p remembers what it has stepped, and every customer whose records go to p from now on: the
same rows in append order, as if they had been p's log up to where p is drained. A customer whose
records still come by the old rule is known there too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING

import polars as pl

from fraudstream_platform.contracts.tables import BRONZE_SCHEMA
from fraudstream_platform.drain.bronze_steps import hours_upto
from fraudstream_platform.drain.partitioner import partition_of
from fraudstream_platform.drain.positions import Positions
from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.tables import HOUR, scan
from fraudstream_platform.settings import Settings

if TYPE_CHECKING:
    from fraudstream_platform.detection.step import Detector

_SLICE_ROWS = 200_000
_STEP_ROWS = 4_000
_AGREE_AT_LEAST = 0.99
_TARGET = "target"
_BRONZE = "bronze.transactions"
_KEY = pl.coalesce("customer", "card")
_ANY_HOUR = "9999"


class ForeignPartitionerError(UserError):
    """Records are not where Kafka's own rule would have put them: nobody can say who moves where."""


def refuse_foreign_partitioner(settings: Settings, old: int, new: int) -> None:
    """Raise ForeignPartitionerError unless the newest hour's keys lie where murmur2 puts them.

    Partitions may have been added a while ago, so both counts are good.
    """
    hours = hours_upto(settings, _ANY_HOUR)
    if not hours:
        return
    rows = _keys(settings, hours[-1]).filter(pl.col("key_agrees") & _KEY.is_not_null()).collect()
    lies = _placed(rows, old).with_columns(pl.col(_TARGET).alias("before"))
    agree = _placed(lies.drop(_TARGET), new).select(
        ((pl.col("partition") == pl.col("before")) | (pl.col("partition") == pl.col(_TARGET)))
        .mean()
        .alias("share")
    )
    share = agree["share"].item()
    if share is not None and share < _AGREE_AT_LEAST:
        raise ForeignPartitionerError(
            f"only {share:.0%} of the records of hour {hours[-1]} lie where Kafka's murmur2 puts their "
            "keys, so nobody can say which customers move: let the sources partition by "
            "murmur2 (librdkafka: partitioner=murmur2_random), then try again"
        )


def step_past(
    settings: Settings,
    detector: Detector,
    upto: Positions,
    partitions: Collection[int],
    tell: Callable[[int], None] = lambda _: None,
) -> None:
    """Give a new detector the state of these of `upto`'s partitions, drained up to there.

    `tell` is told how many rows of Bronze were looked at so far.
    """
    next_offset = _beginnings(settings, upto)
    looked_at = 0
    for hour in hours_upto(settings, _ANY_HOUR):
        for rows in _slices(settings, hour, upto):
            targeted = _both(_placed(rows, len(upto)))
            for (target,), part in targeted.group_by(_TARGET):
                partition = int(str(target))
                if partition not in partitions:
                    continue
                _step(detector, part, partition, next_offset[partition], hour)
                next_offset[partition] += part.height
            looked_at += rows.height
            tell(looked_at)


def _beginnings(settings: Settings, upto: Positions) -> Positions:
    """The offset of each partition's first row, so that its last one is just before `upto`."""
    counts: Counter[int] = Counter()
    for hour in hours_upto(settings, _ANY_HOUR):
        rows = _both(_placed(_below(_keys(settings, hour), upto).collect(), len(upto)))
        counts.update(dict(rows.group_by(_TARGET).len().iter_rows()))
    return {partition: end - counts[partition] for partition, end in upto.items()}


def _step(detector: Detector, rows: pl.DataFrame, partition: int, first: int, hour: str) -> None:
    bronze = (
        rows.sort("append_time", "partition", "offset")
        .with_columns(
            pl.lit(partition, pl.Int32).alias("partition"),
            pl.int_range(first, first + rows.height, dtype=pl.Int64).alias("offset"),
        )
        .select(list(BRONZE_SCHEMA))
        .cast(BRONZE_SCHEMA)
    )
    for step in bronze.iter_slices(_STEP_ROWS):
        detector.step(step, hour)


def _slices(settings: Settings, hour: str, upto: Positions) -> Iterator[pl.DataFrame]:
    """An hour's Bronze rows in stretches of append time that fit in memory."""
    rows = _below(scan(settings, _BRONZE).filter(pl.col(HOUR) == hour), upto)
    moments = rows.select("append_time").collect()["append_time"].sort()
    starts = moments.gather_every(_SLICE_ROWS).unique(maintain_order=True)
    for place, start in enumerate(starts):
        part = rows.filter(pl.col("append_time") >= start)
        if place + 1 < len(starts):
            part = part.filter(pl.col("append_time") < starts[place + 1])
        yield part.select(list(BRONZE_SCHEMA)).collect()


def _keys(settings: Settings, hour: str) -> pl.LazyFrame:
    rows = scan(settings, _BRONZE).filter(pl.col(HOUR) == hour)
    return rows.select("partition", "offset", "customer", "card", "key_agrees")


def _below(rows: pl.LazyFrame, upto: Positions) -> pl.LazyFrame:
    drained = pl.DataFrame(
        {"partition": list(upto), "upto": list(upto.values())},
        schema={"partition": pl.Int32, "upto": pl.Int64},
    )
    kept = rows.join(drained.lazy(), on="partition").filter(pl.col("offset") < pl.col("upto"))
    return kept.drop("upto")


def _placed(rows: pl.DataFrame, partitions: int) -> pl.DataFrame:
    """With the partition that the key of each row goes to; rows without a key stay."""
    keys = rows.select(_KEY.alias("key")).unique().drop_nulls()["key"].to_list()
    places = pl.DataFrame(
        {"key": keys, _TARGET: [partition_of(key, partitions) for key in keys]},
        schema={"key": pl.String, _TARGET: pl.Int32},
    )
    joined = rows.with_columns(_KEY.alias("key")).join(
        places, on="key", how="left", maintain_order="left"
    )
    return joined.with_columns(pl.col(_TARGET).fill_null(pl.col("partition"))).drop("key")


def _both(placed: pl.DataFrame) -> pl.DataFrame:
    """Each row for the partition that stepped it, and once more for the one it would go to now."""
    own = placed.with_columns(pl.col("partition").alias(_TARGET))
    return pl.concat([own, placed.filter(pl.col(_TARGET) != pl.col("partition"))])
