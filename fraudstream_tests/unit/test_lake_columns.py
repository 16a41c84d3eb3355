"""Set-up brings the tables of an older version up to date."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, Schema, write_deltalake

from fraudstream_platform.lake.tables import (
    HOUR,
    TableOutdatedError,
    create_tables,
    full_schema,
    open_table,
    scan,
    table_uri,
)
from fraudstream_platform.settings import Settings
from fraudstream_tests.unit.lakes import TABLE, commit, flush, offsets

pytestmark = pytest.mark.unit

NEW = "key_agrees"


def older(settings: Settings, columns: pl.Schema) -> None:
    """The table as a version made it that knew only `columns`; it holds a row."""
    empty = pl.DataFrame(schema=columns)
    DeltaTable.create(
        table_uri(settings, TABLE),
        schema=Schema.from_arrow(empty.to_arrow().schema),
        partition_by=[HOUR],
    )
    row = pl.DataFrame({HOUR: ["2026-01-01T00"], "partition": [0], "offset": [0]})
    rows = pl.concat([empty, row.cast({"partition": pl.Int32})], how="diagonal")
    write_deltalake(table_uri(settings, TABLE), rows.to_arrow(), mode="append")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path)


def test_a_column_that_a_table_lacks_is_added_once_and_flushes_go_on(settings: Settings) -> None:
    """Guards against an upgrade whose first flush fails, or that loses what was there."""
    older(settings, pl.Schema({k: t for k, t in full_schema(TABLE).items() if k != NEW}))
    create_tables(settings)
    opened = open_table(settings, TABLE)
    assert {field.name for field in opened.schema().fields} == set(full_schema(TABLE))
    create_tables(settings)
    assert open_table(settings, TABLE).version() == opened.version()

    commit(settings, flush(settings, 0, 3))
    assert offsets(settings) == [0, 0, 1, 2]
    assert scan(settings, TABLE).select(NEW).collect()[NEW].null_count() == 4


def test_a_column_of_another_type_is_refused_by_name(settings: Settings) -> None:
    """Guards against a table that takes rows which no reader can join with those before."""
    older(settings, pl.Schema({**full_schema(TABLE), NEW: pl.String()}))
    with pytest.raises(TableOutdatedError, match=f"{TABLE}: column {NEW}"):
        create_tables(settings)
