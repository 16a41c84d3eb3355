"""The features in the dbt project are those of the catalogue."""

from __future__ import annotations

import pytest

from fraudstream_platform.warehouse.feature_columns import BEGIN, END, stale_files, written


def test_the_project_has_the_catalogues_features() -> None:
    """Guards against a training set without the newest features. After a change of the catalogue:
    `python -m fraudstream_platform.warehouse.feature_columns`.
    """
    assert [path.name for path in stale_files()] == []


def test_the_last_column_of_a_query_has_no_comma() -> None:
    """Guards against SQL that does not parse."""
    text = f"select\n    -- {BEGIN}\n    -- {END}\nfrom t\n"
    lines = written(text, lambda feature: f"    {feature.name},\n").splitlines()
    assert lines[2].endswith(",")
    assert not lines[-3].endswith(",")


def test_a_file_without_marks_is_refused() -> None:
    """Guards against features that are written nowhere, in silence."""
    with pytest.raises(ValueError, match="not enough values"):
        written("select 1\n", lambda feature: feature.name)
