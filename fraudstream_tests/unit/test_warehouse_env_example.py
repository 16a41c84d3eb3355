"""`.env.example` names every setting, with its default."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from fraudstream_platform.settings import PROJECT_ROOT, Settings

EXAMPLE = PROJECT_ROOT / ".env.example"
_PATHS = {"data_dir", "services_dir"}


@pytest.fixture(autouse=True)
def no_settings_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_the_example_names_every_setting_and_nothing_else() -> None:
    """Guards against a variable that exists and that nobody can find."""
    named = re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=", EXAMPLE.read_text(), flags=re.MULTILINE)
    assert sorted(named) == sorted(name.upper() for name in Settings.model_fields)


def test_the_example_parses_to_the_defaults() -> None:
    """Guards against a copied example that changes how the system runs."""
    example = Settings(_env_file=EXAMPLE)
    default = Settings(_env_file=None)
    assert example.model_dump(exclude=_PATHS) == default.model_dump(exclude=_PATHS)


def test_every_variable_is_explained() -> None:
    """Guards against names that explain themselves only to their author: topics and Snowflake's
    own names aside, a comment stands above each.
    """
    lines = EXAMPLE.read_text().splitlines()
    for above, line in pairwise(lines):
        if re.match(r"[A-Z]", line) and not re.search(r"_TOPIC=|^SNOWFLAKE_", line):
            assert above.startswith("#"), line
