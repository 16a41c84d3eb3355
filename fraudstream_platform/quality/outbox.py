"""The outbox: notices wait in `quality.metrics` until a channel has them, in their order.

How far a channel got is recorded in the table itself, as an application transaction: a receiver that
is away loses nothing, and hears everything once it is back.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import polars as pl
from deltalake import Transaction

from fraudstream_platform.contracts.schemas import avro_schema
from fraudstream_platform.contracts.tables import QUALITY_SCHEMA
from fraudstream_platform.lake.actions import held_files, try_commit
from fraudstream_platform.lake.tables import HOUR, QUALITY, open_table, table_uri
from fraudstream_platform.settings import Settings

Channel = Literal["topic", "webhook"]
_NAMESPACE = uuid.UUID("3f7d9c1a-52c0-4f0e-9c7e-0b6d1f0c5a11")
_FIELDS = tuple(one["name"] for one in avro_schema("quality_alert")["fields"])
_COLUMNS = [*(set(_FIELDS) & set(QUALITY_SCHEMA)), "measured_at", "notice"]
_ATTEMPTS = 20
_CLOCKS_DIFFER_MS = 600_000
"""A file's time and `measured_at` come from one machine; another one's mark may be beside them."""
_MOVES_ON_MS = 3_600_000


class MarkContendedError(RuntimeError):
    """Other writers won every attempt to record what was sent; it is sent again, under its own id."""


@dataclass(frozen=True)
class Notice:
    """One record of the quality topic, and its place in the outbox (epoch ms)."""

    at: int
    record: dict[str, Any]

    @property
    def text(self) -> str:
        """A sentence for people."""
        record = self.record
        figures = f"{record['quarantined']:,} of {record['records']:,} records quarantined"
        if record["kind"] == "recovered":
            return f"FraudStream: data of {record['source']} is good again ({figures})."
        why = "; ".join(record["reasons"])
        return f"FraudStream: data of {record['source']} has become bad: {why} ({figures})."


def pending(settings: Settings, channel: Channel) -> Sequence[Notice]:
    """Notices that the channel has not got, the oldest first.

    Only files that came after the channel's mark are read. Where nothing waits the mark moves on once
    an hour, so that they stay few.
    """
    table = open_table(settings, QUALITY)
    done = table.transaction_version(_application(channel)) or 0
    paths = [
        f"{table_uri(settings, QUALITY)}/{file.path}"
        for file in held_files(table, HOUR)
        if file.modified_ms > done - _CLOCKS_DIFFER_MS
    ]
    if not paths:
        return ()
    since = datetime.fromtimestamp(done / 1000, UTC)
    rows = (
        pl.read_parquet(paths, columns=_COLUMNS, hive_partitioning=False)
        .filter(pl.col("measured_at") > since)
        .sort("measured_at", "source")
    )
    found = [_notice(row) for row in rows.drop_nulls("notice").iter_rows(named=True)]
    if not found and rows.height:
        newest = _epoch_ms(rows["measured_at"][-1])
        if newest - done > _MOVES_ON_MS:
            _mark(settings, channel, newest)
    return found


def sent(settings: Settings, channel: Channel, notices: Sequence[Notice]) -> None:
    """Record that the channel has got all notices up to these."""
    if notices:
        _mark(settings, channel, max(notice.at for notice in notices))


def _mark(settings: Settings, channel: Channel, at: int) -> None:
    mark = Transaction(_application(channel), at)
    for _ in range(_ATTEMPTS):
        if try_commit(open_table(settings, QUALITY), HOUR, [], [mark]):
            return
    raise MarkContendedError(f"{QUALITY}: {_ATTEMPTS} commits lost to rivals")


def _application(channel: Channel) -> str:
    return f"fraudstream.quality.{channel}"


def _epoch_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _notice(row: dict[str, Any]) -> Notice:
    at = _epoch_ms(row["measured_at"])
    name = f"{row['source']}|{at}"
    record = {
        **row,
        "notice_id": str(uuid.uuid5(_NAMESPACE, name)),
        "kind": row["notice"],
    }
    return Notice(at, {name: record[name] for name in _FIELDS})
