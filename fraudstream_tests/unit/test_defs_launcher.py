"""Run monitoring: which runs the launcher calls dead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher.base import WorkerStatus
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult

from fraudstream_platform.defs.launcher import WatchedRunLauncher
from fraudstream_platform.local.dagster import prepare_instance
from fraudstream_platform.settings import PROJECT_ROOT, Settings

pytestmark = pytest.mark.unit


class Server:
    """A code server that knows the processes of some runs, or does not answer."""

    def __init__(self, *runs: str, answers: bool = True) -> None:
        self._runs, self._answers = runs, answers

    def can_cancel_execution(self, request: CanCancelExecutionRequest, timeout: int) -> str:
        if not self._answers:
            raise DagsterUserCodeUnreachableError(f"not within {timeout} s")
        return dg.serialize_value(CanCancelExecutionResult(can_cancel=request.run_id in self._runs))


class Launcher(WatchedRunLauncher):
    """One whose runs were launched by `server`."""

    def __init__(self, server: Server | None) -> None:
        super().__init__()
        self._server = server

    def _client_of(self, run: dg.DagsterRun) -> Any:
        return self._server


def status(server: Server | None, job: str = "network") -> WorkerStatus:
    run = dg.DagsterRun(job_name=job, run_id="0" * 32)
    return Launcher(server).check_run_worker_health(run).status


def test_a_run_whose_server_has_no_process_of_it_is_dead() -> None:
    """Guards against runs that stay STARTED, and hold their successors, for ever."""
    assert status(Server("another")) == WorkerStatus.FAILED
    assert status(Server("0" * 32)) == WorkerStatus.RUNNING


def test_nothing_is_dead_that_cannot_be_asked_or_tells_by_itself() -> None:
    """Guards against runs that are marked failed while they work: a drain run outlives its server."""
    assert status(Server(answers=False)) == WorkerStatus.RUNNING
    assert status(Server(), job="drain") == WorkerStatus.RUNNING
    assert status(None) == WorkerStatus.RUNNING


def test_both_instances_use_it(tmp_path: Path) -> None:
    """Guards against a launcher that nobody is told of: monitoring then sees nothing."""
    settings = Settings(_env_file=None, data_dir=tmp_path)
    home = tmp_path / "dagster"
    home.mkdir()
    (home / ".created").touch()  # its databases are not needed here
    prepare_instance(settings)
    for path in (home / "dagster.yaml", PROJECT_ROOT / "deploy/dagster.yaml"):
        instance = yaml.safe_load(path.read_text())
        launcher = instance["run_launcher"]
        assert (launcher["module"], launcher["class"]) == (
            WatchedRunLauncher.__module__,
            WatchedRunLauncher.__name__,
        )
        assert instance["run_monitoring"]["enabled"]
