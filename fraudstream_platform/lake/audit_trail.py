"""Where the audit trail's records are: the newest months in a table, older ones in a file each."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from deltalake import DeltaTable

from fraudstream_platform.lake.tables import AUDIT, AUDIT_SCHEMA, table_uri
from fraudstream_platform.settings import Settings


def archive_folder(settings: Settings) -> Path:
    """Where the files of the months stand."""
    return Path(table_uri(settings, AUDIT)).parent / "archive"


def archive_files(settings: Settings) -> list[Path]:
    """The archived months, oldest first."""
    return sorted(archive_folder(settings).glob("????-??.parquet"))


def whole_trail(settings: Settings, opened: DeltaTable) -> pl.LazyFrame:
    """All records, archived ones included, in no order; one that is in both places is there once."""
    parts = [pl.scan_delta(opened), *map(pl.scan_parquet, archive_files(settings))]
    columns = [part.select(list(AUDIT_SCHEMA)).cast(AUDIT_SCHEMA) for part in parts]
    return columns[0] if len(columns) == 1 else pl.concat(columns).unique()
