"""dbt-duckdb plugin: the lake's Delta tables as DuckDB views.

When dbt opens its connection, each configured table becomes the view `<layer>.<name>` over the
Parquet files of the table's newest version, of promoted hours those of the candidate. So every model
and test of one invocation sees one and the same version, DuckDB streams the files (nothing is copied into memory), and no DuckDB extension
is needed beyond those in its wheel. Configured in `profiles.yml` by `lake` and `tables`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
from dbt.adapters.duckdb.plugins import BasePlugin
from deltalake import DeltaTable
from duckdb import DuckDBPyConnection

from fraudstream_platform.lake.promoted import (
    REBUILDABLE,
    candidate_lake,
    hours_by_candidate,
    promoted_hours,
)
from fraudstream_platform.lake.uris import uri_of


class Plugin(BasePlugin):
    """Creates the views; dbt's sources name them as ordinary relations."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Take `lake` (root folder of the Delta tables) and `tables` (`<layer>.<name>`)."""
        self._lake = str(plugin_config["lake"]).rstrip("/")
        self._tables = [str(name) for name in plugin_config["tables"]]

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Point every view at the newest version of its table."""
        for name in self._tables:
            create_view(conn, self._lake, name)


def create_view(conn: DuckDBPyConnection, lake: str, name: str) -> None:
    """Create or replace the view of one table; raises FileNotFoundError if there is no table."""
    path = Path(lake) / name.replace(".", "/")
    if not (path / "_delta_log").is_dir():
        raise FileNotFoundError(f"no Delta table at {path}; run `fraudstream setup`")
    layer, entity = name.split(".")
    table = DeltaTable(path)
    files = sorted(_shown_files(table, lake, name))
    body = _rows(files) if files else _no_rows(conn, table)
    conn.execute(f'create schema if not exists "{layer}"')
    conn.execute(f'create or replace view "{layer}"."{entity}" as {body}')


def _shown_files(table: DeltaTable, lake: str, name: str) -> list[str]:
    promoted = promoted_hours(lake) if name in REBUILDABLE else {}
    if not promoted:
        return table.file_uris()
    files = table.file_uris(file_pruning_predicate=[("hour", "not in", sorted(promoted))])
    for candidate, hours in hours_by_candidate(promoted).items():
        own = DeltaTable(uri_of(candidate_lake(lake, candidate), name))
        files += own.file_uris(file_pruning_predicate=[("hour", "in", hours)])
    return files


def _rows(files: list[str]) -> str:
    listed = ", ".join("'" + uri.removeprefix("file://").replace("'", "''") + "'" for uri in files)
    # By name, because a file written before a column was added lacks that column. Partition
    # values stay text: 2026-11-24T00 is a name of an hour, not a time.
    options = "union_by_name = true, hive_partitioning = true, hive_types_autocast = false"
    return f"select * from read_parquet([{listed}], {options})"  # nosec B608


def _no_rows(conn: DuckDBPyConnection, table: DeltaTable) -> str:
    """A query without rows whose columns have the types that the table's files will have."""
    empty = pa.schema(table.schema().to_arrow()).empty_table()
    relation = conn.from_arrow(empty)
    columns = ", ".join(
        f'cast(null as {kind}) as "{column}"'
        for column, kind in zip(relation.columns, relation.types, strict=True)
    )
    return f"select {columns} where false"
