"""The audit trail as a Delta table: one commit a record, each made on the version it was chained to.

1. Open the table's newest version and read its last record.
2. Make the record that follows it, write its file, commit on that same object.
3. On conflict (another process appended first) remove the file and begin again at 1.

So two processes can never both follow one record. A record that cannot be written is an
AuditFailedError, and whoever wanted to act must not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import polars as pl
from deltalake import DeltaTable, Transaction
from deltalake.exceptions import DeltaError

from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.actions import additions, try_commit
from fraudstream_platform.lake.audit_trail import whole_trail
from fraudstream_platform.lake.files import discard, write_file
from fraudstream_platform.lake.hours import hour_of
from fraudstream_platform.lake.tables import AUDIT, HOUR, open_table
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
        """All records, archived ones included, in the order of their sequences."""
        opened = open_table(self._settings, AUDIT)
        return whole_trail(self._settings, opened).sort("sequence").collect()

    def records(self) -> Iterator[AuditRecord]:
        """Those of `frame`."""
        return records_of(self.frame())

    def _appended(self, decide: Decide) -> AuditRecord | None:
        for _ in range(_ATTEMPTS):
            opened = open_table(self._settings, AUDIT)
            event = decide(whole_trail(self._settings, opened))
            if event is None:
                return None
            record = chained(event, _head(opened), round(time.time() * 1000))
            file = write_file(self._settings, AUDIT, hour_of(record.at), frame_of([record]))
            mark = Transaction(_APPLICATION, record.sequence)
            if try_commit(opened, HOUR, additions([file], HOUR), [mark]):
                return record
            discard(self._settings, [file])
        raise AuditFailedError(f"the audit trail is contended: {_ATTEMPTS} attempts were lost")


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


def _told(error: Exception) -> str:
    first = (str(error).splitlines() or [""])[0][:300]
    return (
        f"the audit trail could not be written ({type(error).__name__}: {first}); "
        "what has to be audited is not done"
    )
