"""`fraudstream doctor` where nothing runs, and what it reads out of Dagster's answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import graphql
import pytest
from dagster_graphql.schema import create_schema
from typer.testing import CliRunner

from fraudstream_platform import cli
from fraudstream_platform.doctor import ask_kafka, ask_spark
from fraudstream_platform.doctor.ask_dagster import QUERY, DagsterAnswerError, facts_of
from fraudstream_platform.doctor.ask_services import are_embedded
from fraudstream_platform.local.ports import settings_on_free_ports
from fraudstream_platform.settings import Settings, get_settings

pytestmark = pytest.mark.unit


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Ports where nothing listens; what does not answer is not waited for long."""
    settings = settings_on_free_ports(tmp_path / "data")
    monkeypatch.setenv("PORT_BASE", str(settings.port_base))
    monkeypatch.setenv("DATA_DIR", str(settings.data_dir))
    monkeypatch.setattr(ask_kafka, "TIMEOUT_S", 0.3)
    monkeypatch.setattr(ask_spark, "_CONNECT_S", 0.1)
    return monkeypatch


def run(*arguments: str) -> tuple[int, str]:
    get_settings.cache_clear()
    try:
        done = CliRunner().invoke(cli.app, ["doctor", *arguments])
    finally:
        get_settings.cache_clear()
    return done.exit_code, done.stdout


@pytest.mark.usefixtures("environment")
def test_where_nothing_runs_every_subject_has_its_line_and_the_status_is_1() -> None:
    """Guards against a doctor that needs the patient to be well."""
    status, text = run("--json")
    levels = {check["name"]: check["level"] for check in json.loads(text)}
    assert status == 1
    for name in ("services", "broker", "registry", "spark", "webserver", "tables"):
        assert levels[name] == "FAIL"
    assert (levels["topics"], levels["drain"], levels["settings"]) == ("warn", "warn", "ok")


def test_a_bad_setting_is_a_line_of_the_report(environment: pytest.MonkeyPatch) -> None:
    """Guards against a report that is no report because one variable was mistyped."""
    environment.setenv("PORT_BASE", "7")
    status, text = run()
    assert status == 1
    assert text.startswith("FAIL settings: PORT_BASE")


def test_services_with_addresses_of_their_own_are_not_looked_for_here() -> None:
    """Guards against failures about embedded services inside docker compose."""
    addresses = {
        "kafka_bootstrap_servers": "kafka:9092",
        "schema_registry_url": "http://registry:8081",
        "spark_remote_url": "sc://spark:15002",
    }
    assert are_embedded(Settings(_env_file=None, **addresses))  # type: ignore[arg-type]
    addresses["dagster_url"] = "http://dagster:3000"
    assert not are_embedded(Settings(_env_file=None, **addresses))  # type: ignore[arg-type]


NOW_S = 1_795_000_000.0
SENSOR = {
    "name": "drain_sensor",
    "minIntervalSeconds": 1,
    "sensorState": {
        "status": "RUNNING",
        "ticks": [{"status": "SKIPPED", "timestamp": NOW_S - 2, "error": None}],
    },
}
RUN = {
    "runId": "0123456789",
    "jobName": "drain",
    "status": "STARTED",
    "creationTime": NOW_S - 90,
    "tags": [{"key": "fraudstream/window_stop", "value": "2026-11-18T09:46:40.000+00:00"}],
}


def answer(**changes: Any) -> dict[str, Any]:
    loaded = {"__typename": "RepositoryLocation", "repositories": [{"sensors": [SENSOR]}]}
    broken = {"__typename": "PythonError", "message": "ImportError: no such module\nTraceback"}
    entries = [
        {"name": "fraudstream", "locationOrLoadError": loaded},
        {"name": "marts", "locationOrLoadError": broken},
        {"name": "new", "locationOrLoadError": None},
    ]
    daemons = [
        {"daemonType": "SENSOR", "required": True, "healthy": None},
        {"daemonType": "BACKFILL", "required": False, "healthy": False},
    ]
    return {
        "instance": {"daemonHealth": {"allDaemonStatuses": daemons}},
        "workspaceOrError": {"__typename": "Workspace", "locationEntries": entries},
        "open": {"results": [RUN]},
        "failed": {"results": [{"runId": "a"}]},
        **changes,
    }


def test_what_dagster_answers_is_read_as_facts() -> None:
    """Guards against a location that failed to load, or never did, taken for a loaded one."""
    facts = facts_of(answer(), NOW_S)
    assert facts.daemons == {"SENSOR": False}
    assert facts.locations == {
        "fraudstream": "",
        "marts": "ImportError: no such module",
        "new": "is being loaded",
    }
    (sensor,) = facts.sensors
    assert (sensor.running, sensor.tick_status, sensor.tick_age_s) == (True, "SKIPPED", 2.0)
    (run,) = facts.runs
    assert (run.age_s, run.over_s, facts.failed_drain_runs) == (90.0, NOW_S - 1_794_995_200.0, 1)


def test_a_workspace_that_cannot_be_read_is_an_error_with_its_message() -> None:
    """Guards against no sensors, no runs, and so no complaint."""
    error = {"__typename": "PythonError", "message": "workspace.yaml is missing"}
    with pytest.raises(DagsterAnswerError, match=r"workspace\.yaml is missing"):
        facts_of(answer(workspaceOrError=error), NOW_S)


def test_the_question_is_one_that_this_dagster_understands() -> None:
    """Guards against a field that a new Dagster renamed: the doctor would call it unwell."""
    schema = create_schema().graphql_schema
    assert graphql.validate(schema, graphql.parse(QUERY)) == []
