"""The lake's Delta tables: names, columns, where they stand, how they are opened and read."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl
from deltalake import DeltaTable, Schema
from deltalake.exceptions import TableNotFoundError

from fraudstream_platform.contracts.tables import (
    ALERT_SCHEMA,
    BRONZE_SCHEMA,
    DEAD_LETTER_SCHEMA,
    IDENTITY_PROFILE_SCHEMA,
    LABEL_SCHEMA,
    MERCHANT_PROFILE_SCHEMA,
    QUALITY_SCHEMA,
    QUARANTINE_SCHEMA,
    SILVER_SCHEMA,
)
from fraudstream_platform.detection.catalogue import FEATURES_SCHEMA
from fraudstream_platform.detection.exchange_touches import KINDS
from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.promoted import (
    PROMOTION_SCHEMA,
    PROMOTIONS,
    REBUILDABLE,
    candidate_lake,
    hours_by_candidate,
    promoted_hours,
)
from fraudstream_platform.lake.uris import uri_of
from fraudstream_platform.settings import Settings

HOUR = "hour"
ENTITY_TYPE = "entity_type"

DRAINED: dict[str, pl.Schema] = {
    "bronze.transactions": BRONZE_SCHEMA,
    "bronze.dead_letter": DEAD_LETTER_SCHEMA,
    "silver.transactions": SILVER_SCHEMA,
    "silver.quarantine": QUARANTINE_SCHEMA,
    "gold.features": FEATURES_SCHEMA,
}
"""Tables that a flush brings rows to, with their columns but for the partition `hour`."""

TOPIC_POSITION = {
    "topic_partition": pl.Int32(),
    "topic_offset": pl.Int64(),
    "topic_append_time": pl.Datetime("ms", "UTC"),
}

ALERTS = "gold.alerts"
VAULT = "vault.entities"
ENTITY_TOUCHES = "silver.entity_touches"
LABELS = "labels.transactions"

TOUCH_COLUMNS: dict[str, pl.DataType] = {
    "partition": pl.List(pl.Int32()),
    "offset": pl.List(pl.Int64()),
    "event_time": pl.List(pl.Datetime("ms", "UTC")),
    "card": pl.List(pl.Int64()),
    "outcome": pl.List(pl.Int32()),
    **{kind: pl.List(pl.Int64()) for kind in KINDS},
}
"""One message of the entities topic: a list a field, one place a touch."""

FOLLOWED: dict[str, pl.Schema] = {
    ALERTS: pl.Schema({**TOPIC_POSITION, **ALERT_SCHEMA}),
    VAULT: pl.Schema(
        {
            **TOPIC_POSITION,
            "token": pl.String(),
            "key_version": pl.Int32(),
            "sealed": pl.String(),
        }
    ),
    LABELS: pl.Schema({**TOPIC_POSITION, **LABEL_SCHEMA}),
    ENTITY_TOUCHES: pl.Schema({**TOPIC_POSITION, **TOUCH_COLUMNS}),
}
"""Tables that are filled from a topic, record by record."""

REBUILT_ALERTS = "gold.alerts_rebuilt"
"""What a rebuild of an hour would have alerted; beside the alerts that really went out."""

_VACUUM_SLACK_HOURS = 6
"""Hours for which housekeeping may be away before tombstones are forgotten; the sweep of orphans
takes files of those that were."""

AUDIT = "audit.events"
AUDIT_SCHEMA = pl.Schema(
    {
        "sequence": pl.Int64(),
        "at": pl.Datetime("ms", "UTC"),
        "who": pl.String(),
        "what": pl.String(),
        "outcome": pl.String(),
        "origin": pl.String(),
        "resource": pl.String(),
        "detail": pl.String(),
        "previous": pl.String(),
        "hash": pl.String(),
    }
)
"""One record of the audit trail: `protection.audit.AuditRecord`."""

VERSION = "version"
PROFILES: dict[str, pl.Schema] = {
    "gold.profiles_merchants": MERCHANT_PROFILE_SCHEMA,
    "gold.profiles_identities": IDENTITY_PROFILE_SCHEMA,
}
"""Profiles that Spark makes of Silver, a partition `version` for each refresh."""

QUALITY = "quality.metrics"

TABLES: dict[str, pl.Schema] = {
    **DRAINED,
    **FOLLOWED,
    REBUILT_ALERTS: ALERT_SCHEMA,
    QUALITY: QUALITY_SCHEMA,
    **PROFILES,
    AUDIT: AUDIT_SCHEMA,
    PROMOTIONS: PROMOTION_SCHEMA,
}


class TableOutdatedError(UserError):
    """A table was made by a version whose columns cannot be brought up to date."""


def partition_column(table: str) -> str:
    """The column that a table is partitioned by."""
    if table in PROFILES:
        return VERSION
    return ENTITY_TYPE if table == VAULT else HOUR


def full_schema(table: str) -> pl.Schema:
    """All columns of a table, its partition column first."""
    return pl.Schema({partition_column(table): pl.String(), **TABLES[table]})


def table_uri(settings: Settings, table: str) -> str:
    """Where a table stands: <lake>/<layer>/<name>."""
    return uri_of(settings.lake, table)


def create_tables(settings: Settings, tables: Iterable[str] = TABLES) -> None:
    """Create every one of `tables` that is not there yet, with no rows; add columns that one lacks.

    Rows from before a column have null in it. Raises TableOutdatedError where a column is there with
    another type.
    """
    for table in tables:
        opened = DeltaTable.create(
            table_uri(settings, table),
            schema=_delta_schema(table),
            mode="ignore",
            partition_by=[partition_column(table)],
            name=table,
            configuration={"delta.checkpointInterval": "50", **log_properties(settings)},
        )
        _add_columns(opened, table)


def _delta_schema(table: str) -> Schema:
    return Schema.from_arrow(pl.DataFrame(schema=full_schema(table)).to_arrow().schema)


def _add_columns(opened: DeltaTable, table: str) -> None:
    held = {field.name: field.type for field in opened.schema().fields}
    wanted = _delta_schema(table).fields
    changed = [field.name for field in wanted if held.get(field.name, field.type) != field.type]
    if changed:
        raise TableOutdatedError(
            f"{table}: column {changed[0]} is of another type than this version of FraudStream "
            "writes; only new columns can be added to a table that is there"
        )
    missing = [field for field in wanted if field.name not in held]
    if missing:
        opened.alter.add_columns(missing)


def log_properties(settings: Settings) -> dict[str, str]:
    """Table properties that say how long a table's log is kept, and who tidies it."""
    # Tombstones outlast the vacuum that they are for, or it would not know of their files.
    tombstones = settings.vacuum_after_hours + _VACUUM_SLACK_HOURS
    return {
        "delta.logRetentionDuration": f"interval {settings.delta_log_kept_hours} hours",
        "delta.deletedFileRetentionDuration": f"interval {tombstones} hours",
        # Else the committer would do it, between two flushes.
        "delta.enableExpiredLogCleanup": "false",
    }


def open_table(settings: Settings, table: str) -> DeltaTable:
    """The table at its newest version."""
    try:
        return DeltaTable(table_uri(settings, table))
    except TableNotFoundError:
        raise FileNotFoundError(f"table {table} is missing; run `fraudstream setup`") from None


def scan(settings: Settings, table: str) -> pl.LazyFrame:
    """The table's rows, lazily (a reader needs neither Spark nor a JVM).

    Hours for which a candidate was promoted are the candidate's.
    """
    rows = pl.scan_delta(table_uri(settings, table))
    promoted = promoted_hours(settings.lake) if table in REBUILDABLE else {}
    if not promoted:
        return rows
    parts = [rows.filter(~pl.col(HOUR).is_in(list(promoted)))]
    for name, hours in hours_by_candidate(promoted).items():
        uri = uri_of(candidate_lake(settings.lake, name), table)
        parts.append(pl.scan_delta(uri).filter(pl.col(HOUR).is_in(hours)))
    return pl.concat(parts, how="diagonal_relaxed")


def rows_in_hour(settings: Settings, table: str, hour: str) -> int:
    """How many rows an hour of a table has."""
    height: int = (
        scan(settings, table).filter(pl.col(HOUR) == hour).select(pl.len()).collect().item()
    )
    return height
