"""Sensors ask one open Dagster instance."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from fraudstream_platform.defs.instance import instance_of

pytestmark = pytest.mark.unit


def _tick(instance: dg.DagsterInstance) -> dg.SensorEvaluationContext:
    """A tick's context as a code server makes it: it knows only how to open the instance."""
    return dg.SensorEvaluationContext(
        instance_ref=instance.get_ref(),
        last_tick_completion_time=None,
        last_run_key=None,
        cursor=None,
        repository_name=None,
    )


def test_every_tick_asks_the_same_instance_and_sees_what_is_new(tmp_path: Path) -> None:
    """Guards: a tick that opens all storage anew, and one that decides by runs of long ago."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as told:
        first, second = instance_of(_tick(told)), instance_of(_tick(told))
        assert first is second
        assert not second.get_run_records()
        told.add_run(dg.DagsterRun(job_name="drain"))
        assert [one.dagster_run.job_name for one in second.get_run_records()] == ["drain"]


def test_another_stack_is_another_instance(tmp_path: Path) -> None:
    """Guards: tests and stacks in one process that see each other's runs."""
    homes = [tmp_path / name for name in ("one", "other")]
    for home in homes:
        home.mkdir()
    with (
        dg.DagsterInstance.local_temp(str(homes[0])) as one,
        dg.DagsterInstance.local_temp(str(homes[1])) as other,
    ):
        one.add_run(dg.DagsterRun(job_name="drain"))
        assert len(instance_of(_tick(one)).get_run_records()) == 1
        assert not instance_of(_tick(other)).get_run_records()
