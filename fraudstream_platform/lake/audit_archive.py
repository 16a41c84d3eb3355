"""The audit trail's older months: out of the table, one Parquet file a month beside it, for good.

1. Write the month's file, fsynced; where it is there already it has to hold what the table holds.
2. Record in the trail that the month goes there, and the hash of its last record.
3. Remove the month's files from the table, on the very version that was read.

Whoever dies in between leaves the records in both places, which readers take as one. Nothing here ever
deletes an archived month: how long one is kept is the rule of who keeps it, and at least a year.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

import polars as pl
from deltalake import DeltaTable

from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.actions import HeldFile, held_files, removals, try_commit
from fraudstream_platform.lake.audit_trail import archive_folder
from fraudstream_platform.lake.audited import audited
from fraudstream_platform.lake.files import sync_folder, written_whole
from fraudstream_platform.lake.tables import AUDIT, AUDIT_SCHEMA, HOUR, open_table, table_uri
from fraudstream_platform.settings import Settings

_ATTEMPTS = 50
_MONTH = len("2026-11")


class ArchiveDiffersError(UserError):
    """A month's file does not hold what the table holds of it: one of the two was changed."""


def archive_months(settings: Settings, now_s: float | None = None) -> dict[str, int]:
    """Move months that ended more than AUDIT_ONLINE_DAYS ago; records moved, by month.

    Raises ArchiveDiffersError, AuditFailedError.
    """
    now = datetime.fromtimestamp(time.time() if now_s is None else now_s, UTC)
    # A month that begins 31 days before that has ended by then.
    last = f"{now - timedelta(days=settings.audit_online_days + 31):%Y-%m}"
    held = held_files(open_table(settings, AUDIT), HOUR)
    held_months = [month for month, _ in groupby(held, key=_month_of)]
    # The newest record stays: the next one has to follow it.
    months = [month for month in held_months[:-1] if month <= last]
    return {month: _move(settings, month) for month in months}


def _move(settings: Settings, month: str) -> int:
    rows = _rows(settings, _held(open_table(settings, AUDIT), month))
    path = archive_folder(settings) / f"{month}.parquet"
    if not path.exists():
        partial = path.with_suffix(".partial")
        with written_whole(partial) as sink:
            rows.write_parquet(sink)
        partial.rename(path)
        sync_folder(path.parent)
    elif not pl.read_parquet(path).equals(rows):
        raise ArchiveDiffersError(f"{path} is not what the table holds of {month}")
    last = rows.row(-1, named=True)
    told = f"records {rows['sequence'][0]} to {last['sequence']}; hash {last['hash']}"
    with audited(settings, "audit.archive", month, told):
        _remove(settings, month, rows)
    return rows.height


def _remove(settings: Settings, month: str, rows: pl.DataFrame) -> None:
    for _ in range(_ATTEMPTS):
        opened = open_table(settings, AUDIT)
        held = _held(opened, month)
        if not _rows(settings, held).equals(rows):
            raise ArchiveDiffersError(f"{month} of the audit trail changed while it was archived")
        if try_commit(opened, HOUR, removals(held, HOUR)):
            return
    raise UserError(f"the audit trail is contended: {month} stays in the table, too")


def _held(opened: DeltaTable, month: str) -> list[HeldFile]:
    return [file for file in held_files(opened, HOUR) if _month_of(file) == month]


def _rows(settings: Settings, files: Iterable[HeldFile]) -> pl.DataFrame:
    root = Path(table_uri(settings, AUDIT))
    frames = [pl.read_parquet(root / file.path).select(list(AUDIT_SCHEMA)) for file in files]
    return pl.concat(frames).cast(AUDIT_SCHEMA).sort("sequence")


def _month_of(file: HeldFile) -> str:
    return file.partition[:_MONTH]
