"""Simulated records as the drain would have decoded them: Bronze rows of a pretended topic."""

from __future__ import annotations

from typing import Any
from zlib import crc32

import polars as pl

from fraudstream_platform.contracts.schemas import ORIGIN_SCHEMA
from fraudstream_platform.contracts.tables import BRONZE_SCHEMA

PARTITIONS = 12
"""As the embedded default has them: what lies in two partitions does not see each other's past."""


def _plain(name: str, dtype: pl.DataType, values: list[Any]) -> pl.Series:
    """A column; times and days come as the integers that Avro has."""
    if isinstance(dtype, pl.Datetime):
        return pl.Series(name, values, pl.Int64()).cast(dtype)
    if isinstance(dtype, pl.Date):
        return pl.Series(name, values, pl.Int32()).cast(dtype)
    return pl.Series(name, values, dtype)


class Topic:
    """Gives records their partition, offset and append time.

    A record is appended when it is sent: an advice that comes late has an older event time. It is
    history, so it says nothing of when it was sent.
    """

    def __init__(self) -> None:
        self._offsets = [0] * PARTITIONS
        self._now_ms = 0

    def append(self, records: list[dict[str, Any]], keys: list[str]) -> pl.DataFrame:
        """The records as `BRONZE_SCHEMA` rows, in their order."""
        partitions = [crc32(key.encode()) % PARTITIONS for key in keys]
        offsets, times = [], []
        for partition, record in zip(partitions, records, strict=True):
            offsets.append(self._offsets[partition])
            self._offsets[partition] += 1
            self._now_ms = max(self._now_ms, record["sent_at"])
            record["sent_at"] = None
            times.append(self._now_ms)
        own: dict[str, list[Any]] = {
            "partition": partitions,
            "offset": offsets,
            "append_time": times,
            "schema_id": [1] * len(records),
            "key_agrees": [True] * len(records),
            **dict.fromkeys(ORIGIN_SCHEMA, [None] * len(records)),
        }
        return pl.DataFrame(
            [
                _plain(name, dtype, own[name] if name in own else [r[name] for r in records])
                for name, dtype in BRONZE_SCHEMA.items()
            ]
        )
