"""The lake's tables in Snowflake: which are loaded, and the statements that make and fill them. Pure.

Every identifier is quoted, in capitals: `OFFSET` and `PARTITION` are words of SQL elsewhere, and what
is written without quotes finds it all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from fraudstream_platform.lake.tables import ALERTS, DRAINED, LABELS, full_schema, partition_column

LOADED = (*DRAINED, ALERTS, LABELS)
"""Tables of the lake that the warehouse gets.

Never the vault: what `vault forget` shreds must not live on in a copy.
"""

ASSET_PREFIX = "snowflake"
"""First part of a loaded table's asset key; the rest is the lake's."""

LOADS = "LOADS"
"""Schema of the ledger: what was loaded, in the same transactions as the rows themselves."""

_ARRIVAL = {ALERTS: "topic_append_time", LABELS: "topic_append_time"}
_TYPES: dict[type[pl.DataType], str] = {
    pl.String: "VARCHAR",
    # The precision of an integer in a dbt contract: an incremental model refuses another one.
    pl.Int32: "NUMBER(38, 0)",
    pl.Int64: "NUMBER(38, 0)",
    pl.Float64: "DOUBLE",
    pl.Boolean: "BOOLEAN",
    pl.Date: "DATE",
    pl.Datetime: "TIMESTAMP_NTZ(3)",
    pl.List: "ARRAY",
}

LEDGER = (
    """create table if not exists {schema}."TABLES" (
        "TABLE_NAME" varchar not null,
        "LOADS" number(19, 0) not null,
        "DELTA_VERSION" number(19, 0) not null,
        "LOADED_AT" timestamp_ntz not null
    ) comment = 'One row a table: transactions that loaded it, the newest Delta version among them.'""",
    """create table if not exists {schema}."FILES" (
        "TABLE_NAME" varchar not null,
        "LAKE_PARTITION" varchar not null,
        "MARK" varchar not null,
        "ROW_COUNT" number(19, 0) not null
    ) comment = 'One row a file of the lake whose rows are in its table.'""",
)


@dataclass(frozen=True)
class Target:
    """One table of the lake as Snowflake has it; texts are ready for SQL."""

    database: str
    table: str
    """`<layer>.<name>`, as the lake calls it."""

    @property
    def columns(self) -> pl.Schema:
        """The lake's columns, the partition first."""
        return full_schema(self.table)

    @property
    def schema(self) -> str:
        """`"DATABASE"."LAYER"`."""
        return f"{quoted(self.database)}.{quoted(self.table.split('.')[0])}"

    @property
    def name(self) -> str:
        """`"DATABASE"."LAYER"."NAME"`."""
        return f"{self.schema}.{quoted(self.table.split('.')[1])}"

    @property
    def partition(self) -> str:
        """The column of the lake's partitions."""
        return quoted(partition_column(self.table))


def quoted(name: str) -> str:
    """An identifier as it stands in SQL; ValueError where it is none of ours."""
    if not name.replace("_", "").isalnum() or not name.isascii():
        raise ValueError(f"{name!r} is no identifier")
    return f'"{name.upper()}"'


def sql_type(kind: pl.DataType) -> str:
    """Snowflake's type for a column of the lake."""
    return _TYPES[type(kind)]


def create(target: Target) -> str:
    """Makes the table where there is none.

    Clustered by the hour of arrival: loads append in that order, so little is ever clustered anew.
    By the partition's name it would not work, as Snowflake looks at a text's first bytes only.
    """
    columns = ", ".join(f"{quoted(name)} {sql_type(kind)}" for name, kind in target.columns.items())
    arrival = quoted(_ARRIVAL.get(target.table, "append_time"))
    return (
        f"create table if not exists {target.name} ({columns}) "
        f"cluster by (date_trunc('HOUR', {arrival}))"
    )


def add_columns(target: Target, held: Sequence[str]) -> list[str]:
    """Adds the columns that a table made by an older version lacks; `held` as Snowflake names them."""
    return [
        f"alter table {target.name} add column {quoted(name)} {sql_type(kind)}"
        for name, kind in target.columns.items()
        if name.upper() not in held
    ]


def delete(target: Target, partitions: int) -> str:
    """Removes that many partitions, whose names are to be bound."""
    return f"delete from {target.name} where {target.partition} in ({places(partitions)})"  # nosec B608


def copy(target: Target, folder: str) -> str:
    """Loads every file of a folder of the stage, whatever Snowflake remembers of files loaded before.

    Lists were staged as JSON: Parquet's own lists come out as Snowflake's rendering of the format.
    """
    columns = ", ".join(quoted(name) for name in target.columns)
    values = ", ".join(_value(name, kind) for name, kind in target.columns.items())
    return (
        f"copy into {target.name} ({columns}) "  # nosec B608
        f"from (select {values} from {folder}) "
        "file_format = (type = parquet use_logical_type = true) "
        "on_error = abort_statement force = true"
    )


def _value(name: str, kind: pl.DataType) -> str:
    if isinstance(kind, pl.List):
        return f'parse_json($1:"{name}"::varchar)::array'
    return f'$1:"{name}"::{sql_type(kind)}'


def places(count: int) -> str:
    """That many places for values that are bound."""
    return ", ".join(["%s"] * count)
