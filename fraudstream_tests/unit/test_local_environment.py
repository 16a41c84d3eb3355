"""Children see the parent's settings, wherever they run."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from fraudstream_platform.local.environment import (
    MARKER,
    base_environment,
    python_environment,
    settings_environment,
)
from fraudstream_platform.settings import Settings

pytestmark = pytest.mark.unit


def test_a_child_reads_back_exactly_the_parents_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Guards: a child in another folder that silently works on another lake or port."""
    parent = Settings(
        port_base=21010,
        data_dir=tmp_path / "data",
        drain_groups=3,
        debug_mode=True,
        flush_seconds=1.5,
        transactions_topic="other.raw",
        customer_id_salt=SecretStr("a-salt-that-is-long-enough"),
    )
    environment = settings_environment(parent)
    monkeypatch.chdir(tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Settings() == parent


def test_services_that_need_no_secret_get_none(tmp_path: Path) -> None:
    """Guards: salts and keys readable in the environment of a third-party server."""
    parent = Settings(data_dir=tmp_path)
    values = base_environment(parent).values()
    assert parent.vault_key.get_secret_value() not in values
    assert parent.customer_id_salt.get_secret_value() not in values


def test_foreign_spark_and_dagster_variables_do_not_reach_a_child(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Guards: SPARK_DAEMON_MEMORY breaks the server; DAGSTER_HOME leads to another instance."""
    monkeypatch.setenv("SPARK_DAEMON_MEMORY", "1g")
    monkeypatch.setenv("DAGSTER_HOME", "/elsewhere")
    environment = python_environment(Settings(data_dir=tmp_path, spark_remote_url="sc://there:1"))
    assert "SPARK_DAEMON_MEMORY" not in environment
    assert "DAGSTER_HOME" not in environment
    assert environment["SPARK_REMOTE_URL"] == "sc://there:1"
    assert environment[MARKER] == str(tmp_path.resolve())


def test_a_child_may_keep_its_compiled_modules(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Guards: every run of a window that compiles 2,000 modules, a second core's work for seconds."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert "PYTHONDONTWRITEBYTECODE" not in python_environment(Settings(data_dir=tmp_path))
