"""The housekeeping assets as Dagster runs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from fraudstream_platform.defs import housekeeping
from fraudstream_tests.unit.lakes import commit, flush, new_lake

pytestmark = pytest.mark.unit


def test_assets_of_files_show_their_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against housekeeping that fails, or says nothing, every hour in the background."""
    settings = new_lake(tmp_path)
    commit(settings, flush(settings, 0, 10))
    monkeypatch.setattr(housekeeping, "_settings_aside", lambda: settings)
    assets = [
        housekeeping.vacuum,
        housekeeping.delta_logs,
        housekeeping.profile_versions,
        housekeeping.audit_archive,
    ]
    result = dg.materialize(assets)
    assert result.success
    shown: dict[str, dict[str, Any]] = {
        event.asset_key.path[-1]: {
            name: value.value for name, value in event.materialization.metadata.items()
        }
        for event in result.get_asset_materialization_events()
        if event.asset_key is not None
    }
    assert shown["vacuum"]["files_removed"] == 0
    assert shown["audit_archive"]["records_moved"] == 0
    assert shown["profile_versions"]["versions_kept"] == 0
    before, after = (shown["delta_logs"][name] for name in ("files_before", "files_after"))
    assert 0 < before < after  # checkpoints come, all else is too young to go


def test_every_asset_is_in_the_job_that_the_schedule_starts() -> None:
    """Guards against an asset that nobody materialises."""
    keys = {key for asset in housekeeping.HOUSEKEEPING_ASSETS for key in asset.keys}
    assert len(keys) == 10
    assert housekeeping.housekeeping_schedule.job_name == housekeeping.JOB_NAME
