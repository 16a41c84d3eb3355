"""The audit trail as a Delta table: one commit a record, each made on the version it was chained to.

1. Open the table's newest version and read its last record.
2. Make the record that follows it, write its file, commit on that same object.
3. On conflict (another process appended first) remove the file and begin again at 1.

So two processes can never both follow one record. A record that cannot be written is an
AuditFailedError, and whoever wanted to act must not.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction

from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.files import DataFile, write_file
from fraudstream_platform.lake.tables import AUDIT, HOUR, open_table, table_uri
from fraudstream_platform.protection.audit import AuditEvent, AuditRecord, Head, chained
from fraudstream_platform.settings import Settings

_APPLICATION = "fraudstream.audit"
_ATTEMPTS = 200

Decide = Callable[[pl.LazyFrame], AuditEvent | None]
"""From the trail as it stands to the event that follows it, or None for nothing to tell; nobody else
can append in between."""


class AuditFailedError(UserError):
    """The trail could not be written, so what had to be audited was not done."""


class AuditLog:
    """Appends to and reads `audit.events`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def append(self, event: AuditEvent) -> None:
        """Add one event; raises AuditFailedError."""
        self.append_decided(lambda _: event)

    def append_decided(self, decide: Decide) -> AuditRecord | None:
        """Add the event that `decide` makes of the trail; raises AuditFailedError.

        `decide` is asked again whenever another process was faster.
        """
        try:
            return self._appended(decide)
        except (OSError, DeltaError, pl.exceptions.PolarsError, UnicodeEncodeError) as error:
            raise AuditFailedError(_told(error)) from error

    def head(self) -> Head:
        """The newest record's place and hash."""
        return _head(open_table(self._settings, AUDIT))

    def frame(self) -> pl.DataFrame:
        """All records in the order of their sequences."""
        return pl.scan_delta(open_table(self._settings, AUDIT)).sort("sequence").collect()

    def records(self) -> Iterator[AuditRecord]:
        """All records in the order of their sequences."""
        return records_of(self.frame())

    def _appended(self, decide: Decide) -> AuditRecord | None:
        for _ in range(_ATTEMPTS):
            opened = open_table(self._settings, AUDIT)
            event = decide(pl.scan_delta(opened))
            if event is None:
                return None
            record = chained(event, _head(opened), round(time.time() * 1000))
            file = write_file(self._settings, AUDIT, hour_of(record.at), frame_of([record]))
            if _is_committed(opened, file, record.sequence):
                return record
            (Path(table_uri(self._settings, AUDIT)) / file.path).unlink(missing_ok=True)
        raise AuditFailedError(f"the audit trail is contended: {_ATTEMPTS} attempts were lost")


def hour_of(at_ms: int) -> str:
    """The partition of a moment (epoch ms)."""
    return time.strftime("%Y-%m-%dT%H", time.gmtime(at_ms / 1000))


def frame_of(records: list[AuditRecord]) -> pl.DataFrame:
    """Records as rows of the table."""
    rows = [asdict(record) for record in records]
    at = pl.from_epoch("at", "ms").dt.replace_time_zone("UTC")
    return pl.DataFrame(rows).with_columns(at)


def records_of(frame: pl.DataFrame) -> Iterator[AuditRecord]:
    """Rows of the table as records, in their order."""
    rows = frame.with_columns(pl.col("at").dt.epoch("ms")).drop(HOUR, strict=False)
    return (AuditRecord(**row) for row in rows.iter_rows(named=True))


def _head(opened: DeltaTable) -> Head:
    """Times never go back within a chain, so the newest hour holds the newest record."""
    hours: list[Any] = [partition[HOUR] for partition in opened.partitions()]
    if not hours:
        return Head()
    newest = pl.scan_delta(opened).filter(pl.col(HOUR) == max(hours))
    last = next(records_of(newest.sort("sequence").tail(1).collect()), None)
    return last.head if last is not None else Head()


def _is_committed(opened: DeltaTable, file: DataFile, sequence: int) -> bool:
    add = AddAction(
        file.path,
        file.size,
        {HOUR: file.partition},
        round(time.time() * 1000),
        True,
        json.dumps({"numRecords": file.rows}),
    )
    mark = Transaction(_APPLICATION, sequence)
    try:
        opened.create_write_transaction(
            [add],
            "append",
            opened.schema(),
            [HOUR],
            commit_properties=CommitProperties(app_transactions=[mark], max_commit_retries=0),
        )
    except CommitFailedError:
        return False
    return True


def _told(error: Exception) -> str:
    first = (str(error).splitlines() or [""])[0][:300]
    return (
        f"the audit trail could not be written ({type(error).__name__}: {first}); "
        "what has to be audited is not done"
    )
