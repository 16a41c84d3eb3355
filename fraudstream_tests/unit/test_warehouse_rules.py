"""The rules that dbt_project_evaluator would check, checked on dbt's own manifest."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from fraudstream_platform.settings import Settings
from fraudstream_platform.warehouse import dbt

PREFIXES = {"staging": ("stg_",), "intermediate": ("int_",), "marts": ("fct_", "dim_", "mart_")}
DIALECTS = dbt.PROJECT_DIR / "macros" / "dialects.sql"
ONE_DIALECT = (
    r" filter \(|quantile_cont|percentile_cont|bool_or|boolor_agg|unnest|flatten|date_?diff\("
    r"|list_\w+\(|array_\w+\(|::|\[\d+\]|isodow|dayofweekiso|week(ofyear|iso)\(|arg_(max|min)"
    r"|\blast\(|\bfirst\(|count_if\("
)
"""What only one of DuckDB and Snowflake understands, or each in its way: count_if is null in DuckDB
where every condition is."""

Node = dict[str, Any]


@pytest.fixture(name="manifest", scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Node]]:
    settings = Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("manifest"))
    loaded: dict[str, dict[str, Node]] = json.loads(dbt.prepare(settings).read_text())
    return loaded


@pytest.fixture(name="models", scope="module")
def models_of(manifest: dict[str, dict[str, Node]]) -> dict[str, Node]:
    nodes = manifest["nodes"].values()
    return {node["unique_id"]: node for node in nodes if node["resource_type"] == "model"}


def folder(model: Node) -> str:
    name: str = model["fqn"][1]
    return name


def parents(node: Node) -> list[str]:
    found: list[str] = node["depends_on"]["nodes"]
    return found


def code(model: Node) -> str:
    """A model's text without its comments."""
    return re.sub(r"--[^\n]*", "", str(model["raw_code"]))


def test_only_staging_reads_a_source_and_each_source_is_staged_once(
    manifest: dict[str, dict[str, Node]], models: dict[str, Node]
) -> None:
    """Guards against a mart on a source, two names for one table, and a source nobody reads."""
    readers: dict[str, list[str]] = {source: [] for source in manifest["sources"]}
    for model in models.values():
        for parent in parents(model):
            if parent in readers:
                assert folder(model) == "staging", model["name"]
                readers[parent].append(model["name"])
    assert all(len(names) == 1 for names in readers.values()), readers


def test_staging_renames_and_casts_and_nothing_else(models: dict[str, Node]) -> None:
    """Guards against rows that are lost, joined or counted where nobody looks for it."""
    for model in models.values():
        if folder(model) == "staging":
            (parent,) = parents(model)
            assert parent.startswith("source."), model["name"]
            assert model["config"]["materialized"] == "view"
            assert not re.search(r"\b(where|join|group|union|case|having)\b", code(model))


def test_no_model_stands_without_a_parent(models: dict[str, Node]) -> None:
    """Guards against a model that takes its rows from outside the lineage."""
    assert [model["name"] for model in models.values() if not parents(model)] == []


def test_names_say_which_layer_a_model_is_of(models: dict[str, Node]) -> None:
    """Guards against a mart that nobody recognises as one."""
    for model in models.values():
        assert model["name"].startswith(PREFIXES[folder(model)]), model["name"]


def test_no_reference_is_written_out(models: dict[str, Node]) -> None:
    """Guards against a table named by hand, which no lineage shows and another target lacks."""
    for model in models.values():
        text = re.sub(r"extract\(\w+ from \w+\)", "", code(model))
        known = set(re.findall(r"(\w+) as \(", text))
        read = set(re.findall(r"\b(?:from|join) ([\w.\"]+)", text))
        assert read - known == set(), model["name"]


def test_every_model_is_described_and_tested_by_its_key(
    manifest: dict[str, dict[str, Node]], models: dict[str, Node]
) -> None:
    """Guards against a model whose rows may double without a red check; the one row of the
    settling and plain staging views need no key.
    """
    tests = [node for node in manifest["nodes"].values() if node["resource_type"] == "test"]
    for identity, model in models.items():
        assert model["description"], model["name"]
        own = [test["test_metadata"]["name"] for test in tests if is_on(test, identity)]
        assert own, model["name"]
        if folder(model) != "staging" and model["name"] != "int_label_settling":
            assert {"unique", "unique_combination"} & set(own), model["name"]


def is_on(test: Node, model: str) -> bool:
    """Whether a test is a generic one of this model; singular ones hang on no model."""
    return bool(test.get("attached_node") == model and test["test_metadata"])


def test_marts_keep_a_contract_and_are_tables(models: dict[str, Node]) -> None:
    """Guards against a column that changes under its readers, and against a dashboard on a view."""
    for model in models.values():
        assert model["config"]["persist_docs"] == {"relation": True, "columns": True}
        if folder(model) == "marts":
            assert model["config"]["contract"]["enforced"] is True, model["name"]
            assert model["config"]["materialized"] in {"table", "incremental"}, model["name"]


def test_every_model_that_computes_has_a_unit_test(
    manifest: dict[str, dict[str, Node]], models: dict[str, Node]
) -> None:
    """Guards against a mart whose arithmetic nobody has ever checked; facts and hours only copy
    and add up, and singular tests compare their totals with the lake.
    """
    judged = {parents(test)[0] for test in manifest["unit_tests"].values()}
    for identity, model in models.items():
        if model["name"].startswith(("mart_", "dim_")):
            assert identity in judged, model["name"]


def test_exposures_stand_on_marts_and_every_mart_is_exposed(
    manifest: dict[str, dict[str, Node]], models: dict[str, Node]
) -> None:
    """Guards against a report on a model that may change, and a mart that nobody reads."""
    exposed = {name for one in manifest["exposures"].values() for name in parents(one)}
    assert {folder(models[name]) for name in exposed} == {"marts"}
    ends = {name for name, model in models.items() if model["name"].startswith(("mart_", "dim_"))}
    assert ends <= exposed


def test_models_and_tests_speak_no_dialect() -> None:
    """Guards against a model that only DuckDB can build: what differs is in one file of macros."""
    files = [
        path
        for folder in ("models", "tests", "macros")
        for path in (dbt.PROJECT_DIR / folder).rglob("*.sql")
    ]
    for path in set(files) - {DIALECTS}:
        text = re.sub(r"--[^\n]*", "", Path(path).read_text())
        assert not re.search(ONE_DIALECT, text), path.name


def test_each_difference_of_dialect_has_a_body_for_both() -> None:
    """Guards against a macro that fails only once a Snowflake account is there."""
    text = DIALECTS.read_text()
    dispatched = set(re.findall(r"adapter\.dispatch\('(\w+)'", text))
    for target in ("default", "snowflake"):
        assert set(re.findall(rf"macro {target}__(\w+)\(", text)) == dispatched
