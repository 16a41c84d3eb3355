"""The dbt project agrees with the lake, the detection, and its own rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from fraudstream_platform.contracts.codes import LABEL_TYPES
from fraudstream_platform.detection.patterns import PATTERNS
from fraudstream_platform.lake.tables import TABLES, create_tables, full_schema
from fraudstream_platform.settings import Settings
from fraudstream_platform.warehouse import dbt
from fraudstream_platform.warehouse.delta_plugin import create_view


def load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text())
    return loaded


def described() -> dict[str, dict[str, Any]]:
    files = sorted(dbt.PROJECT_DIR.glob("models/*/[!_]*.yml"))
    return {model["name"]: model for path in files for model in load(path)["models"]}


def plugin_tables() -> list[str]:
    profile = load(dbt.PROJECT_DIR / "profiles.yml")
    tables: list[str] = profile["fraudstream"]["outputs"]["embedded"]["plugins"][0]["config"][
        "tables"
    ]
    return tables


def test_every_source_is_a_table_of_the_lake_that_the_plugin_opens() -> None:
    """Guards against a source that dbt knows and nobody fills."""
    sources = load(dbt.PROJECT_DIR / "models/staging/_fraudstream__sources.yml")["sources"]
    named = {
        f"{source['name']}.{table['name']}" for source in sources for table in source["tables"]
    }
    assert named == set(plugin_tables())
    assert named <= set(TABLES)


def test_every_model_and_column_is_described() -> None:
    """Guards against documentation that falls behind."""
    models = described()
    assert set(models) == {path.stem for path in dbt.PROJECT_DIR.glob("models/*/*.sql")}
    for model in models.values():
        assert model["description"]
        assert all(column["description"] for column in model["columns"])


def test_columns_of_marts_have_types() -> None:
    """Guards against a contract with holes."""
    for name in (path.stem for path in dbt.PROJECT_DIR.glob("models/marts/*.sql")):
        assert all(column["data_type"] for column in described()[name]["columns"])


def accepted(model: str, column: str) -> set[str]:
    (found,) = [one for one in described()[model]["columns"] if one["name"] == column]
    (values,) = [
        test["accepted_values"]["arguments"]["values"]
        for test in found["data_tests"]
        if isinstance(test, dict)
    ]
    return set(values)


@pytest.mark.parametrize("model", ["mart_fraud_by_pattern_hourly", "mart_detection_quality"])
def test_every_pattern_that_can_fire_is_accepted_by_the_marts(model: str) -> None:
    """Guards against a new pattern that turns a mart's check red in production."""
    assert set(PATTERNS) <= accepted(model, "pattern")


def test_label_types_are_those_of_the_contract() -> None:
    """Guards against a type that the lake lets through and the mart takes for a chargeback."""
    assert accepted("fct_labels", "label_type") == set(LABEL_TYPES)


def test_an_empty_table_gives_a_view_with_all_its_columns(tmp_path: Path) -> None:
    """Guards against a first build that fails because no alert has been raised yet."""
    settings = Settings(_env_file=None, data_dir=tmp_path)
    create_tables(settings)
    connection = duckdb.connect()
    for table in plugin_tables():
        create_view(connection, settings.lake, table)
        relation = connection.sql(f"select * from {table}")
        assert set(relation.columns) == set(full_schema(table))
        assert relation.fetchall() == []


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    """Guards against a message that leaves the reader looking for the folder."""
    with pytest.raises(FileNotFoundError, match=r"silver/transactions.*fraudstream setup"):
        create_view(duckdb.connect(), str(tmp_path), "silver.transactions")


def test_dbt_writes_under_the_data_folder_and_sends_no_statistics(tmp_path: Path) -> None:
    """Guards against files in the checkout and traffic to the outside."""
    settings = Settings(_env_file=None, data_dir=tmp_path)
    environment = dbt.dbt_environment(settings)
    for name in ("FRAUDSTREAM_LAKE", "FRAUDSTREAM_WAREHOUSE", "DBT_TARGET_PATH", "DBT_LOG_PATH"):
        assert Path(environment[name]).is_relative_to(tmp_path)
    assert environment["DBT_SEND_ANONYMOUS_USAGE_STATS"] == "false"
