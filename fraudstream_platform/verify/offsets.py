"""Sets of (partition, offset) as sorted arrays, and what differs between two of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from confluent_kafka import KafkaError, TopicPartition
from numpy.typing import NDArray

from fraudstream_platform.drain.kafka import reader
from fraudstream_platform.lake.tables import scan
from fraudstream_platform.settings import Settings

Offsets = dict[int, NDArray[np.int64]]
"""Partition -> offsets, sorted; a doubled offset stands twice."""


def kafka_offsets(settings: Settings, topic: str, upto: Mapping[int, int]) -> Offsets:
    """Offsets of the committed records before `upto`, read from Kafka one by one.

    Counted, since differences of offsets include transaction markers and aborted records.
    """
    consumer = reader(settings, "fraudstream.verify", **{"queued.min.messages": 100_000})
    found: dict[int, list[int]] = {partition: [] for partition in upto}
    unread = {partition for partition, end in upto.items() if end > 0}
    try:
        # OFFSET_BEGINNING: the log may have been trimmed below what was drained long ago.
        consumer.assign([TopicPartition(topic, partition, -2) for partition in unread])
        while unread:
            for message in consumer.consume(20_000, 0.2):
                partition, offset = message.partition(), message.offset()
                if partition is None or offset is None:
                    continue
                error = message.error()
                if error is not None:
                    if error.code() == KafkaError._PARTITION_EOF:
                        unread.discard(partition)
                elif offset < upto[partition]:
                    found[partition].append(offset)
                else:
                    unread.discard(partition)
    finally:
        consumer.close()
    return {partition: np.asarray(offsets, np.int64) for partition, offsets in found.items()}


def table_offsets(
    settings: Settings, table: str, upto: Mapping[int, int], columns: tuple[str, str]
) -> Offsets:
    """Offsets of a table's rows before `upto`; `columns` name partition and offset."""
    partition_name, offset_name = columns
    rows = (
        scan(settings, table)
        .select(pl.col(partition_name).alias("p"), pl.col(offset_name).alias("o"))
        .collect()
    )
    found: Offsets = {partition: np.empty(0, np.int64) for partition in upto}
    for (partition,), part in rows.group_by(["p"]):
        number = int(str(partition))
        offsets = np.sort(part["o"].to_numpy())
        found[number] = offsets[offsets < upto.get(number, 0)]
    return found


def joined(*sets: Offsets) -> Offsets:
    """All offsets of several sets together; one that stands in two of them stands twice."""
    partitions = {partition for one in sets for partition in one}
    empty = np.empty(0, np.int64)
    return {
        partition: np.sort(np.concatenate([one.get(partition, empty) for one in sets]))
        for partition in sorted(partitions)
    }


def count(offsets: Offsets) -> int:
    """How many offsets there are in all."""
    return sum(len(part) for part in offsets.values())


def difference(expected: Offsets, actual: Offsets, most: int = 3) -> Sequence[str]:
    """What `actual` lacks, has too much, or has twice: a line each, first offsets named."""
    lines: list[str] = []
    empty = np.empty(0, np.int64)
    for partition in sorted(expected.keys() | actual.keys()):
        want, have = expected.get(partition, empty), actual.get(partition, empty)
        unique, times = np.unique(have, return_counts=True)
        findings = {
            "missing": np.setdiff1d(want, unique),
            "unexpected": np.setdiff1d(unique, want),
            "doubled": unique[times > 1],
        }
        for word, offsets in findings.items():
            if len(offsets):
                first = ", ".join(str(offset) for offset in offsets[:most])
                lines.append(f"partition {partition}: {len(offsets)} {word}, first at {first}")
    return lines
