"""Hours of the lake: the value by which most tables are partitioned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

FORMAT = "%Y-%m-%dT%H"
"""How an hour is spelled, in UTC."""


def hour_of(epoch_ms: int) -> str:
    """Hour partition key of an instant: YYYY-MM-DDTHH, UTC."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).strftime(FORMAT)


def hour_start(hour: str) -> datetime:
    """When an hour begins; raises ValueError where it is spelled otherwise."""
    return datetime.strptime(hour, FORMAT).replace(tzinfo=UTC)


def hour_end_ms(hour: str) -> int:
    """When an hour ends, epoch ms."""
    return round((hour_start(hour) + timedelta(hours=1)).timestamp() * 1000)
