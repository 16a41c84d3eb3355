"""The environment that a child process sees: the parent's settings, spelled out."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import SecretStr

from fraudstream_platform.settings import PROJECT_ROOT, Settings

MARKER = "FRAUDSTREAM_STACK"
"""Variable that names the DATA_DIR of the stack a process belongs to."""

_KEEP = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "JAVA_HOME", "TMPDIR", "TERM")
_FOREIGN = ("SPARK_", "PYSPARK_", "DAGSTER_")
_SLOW = "PYTHONDONTWRITEBYTECODE"
"""Every run of a window, and every Python worker, would compile its modules anew: 2 to 4 s."""


def settings_environment(settings: Settings) -> dict[str, str]:
    """Every setting as its variable, so that a child's working directory does not matter."""
    return {name.upper(): _text(getattr(settings, name)) for name in Settings.model_fields}


def base_environment(settings: Settings) -> dict[str, str]:
    """Environment of a service that needs no settings: no secret reaches it."""
    kept = {name: os.environ[name] for name in _KEEP if name in os.environ}
    return kept | {MARKER: marker_value(settings)}


def python_environment(settings: Settings) -> dict[str, str]:
    """Environment of a service that runs our code.

    Another installation's Spark and Dagster variables are left out: SPARK_DAEMON_MEMORY
    alone keeps the Connect server from starting.
    """
    outer = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN) and k != _SLOW}
    path = os.pathsep.join(filter(None, [str(PROJECT_ROOT), outer.get("PYTHONPATH", "")]))
    own = settings_environment(settings) | base_environment(settings)
    # A poisoned record is found by polars' panics, which are caught: their traces cost far more.
    quiet = {"PYTHONUNBUFFERED": "1", "RUST_BACKTRACE": "0"}
    return outer | own | {"PYTHONPATH": path} | quiet


def marker_value(settings: Settings) -> str:
    """What `MARKER` holds in every process of this stack."""
    return str(settings.data_dir.resolve())


def _text(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Path):
        return str(value.resolve())
    return str(value)
