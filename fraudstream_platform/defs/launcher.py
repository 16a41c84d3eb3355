"""The run launcher of `dagster.yaml`: Dagster's own, which also knows whether a run's process is gone.

A code server notices itself that the process of a run has died. Where it died with its server, the
run would stay STARTED for ever: the new server does not know it, and run monitoring asks exactly that.
"""

from __future__ import annotations

import json

from dagster import DagsterRun, deserialize_value
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult

from fraudstream_platform.drain.planning import DRAIN_JOB

_RUNNING = CheckRunHealthResult(WorkerStatus.RUNNING)
_PATIENCE_S = 5


class WatchedRunLauncher(DefaultRunLauncher):
    """Asks a run's code server whether it still has the run's process."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Run monitoring asks every `poll_interval_seconds`."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """FAILED where the server answers that it has no such process, else RUNNING.

        A drain run outlives its server, and its own heartbeats tell of it. A server that does not
        answer is starting again, and is asked at the next poll.
        """
        client = self._client_of(run)
        if run.job_name == DRAIN_JOB or client is None:
            return _RUNNING
        try:
            answer = client.can_cancel_execution(
                CanCancelExecutionRequest(run_id=run.run_id), timeout=_PATIENCE_S
            )
        except DagsterUserCodeUnreachableError:
            return _RUNNING
        if deserialize_value(answer, CanCancelExecutionResult).can_cancel:
            return _RUNNING
        return CheckRunHealthResult(WorkerStatus.FAILED, "its code server has no process of it")

    def _client_of(self, run: DagsterRun) -> DagsterGrpcClient | None:
        """A client of the server that launched the run; None for a run that no server launched."""
        told = run.tags.get(GRPC_INFO_TAG)
        if told is None:
            return None
        server = json.loads(told)
        return DagsterGrpcClient(
            host=server["host"],
            port=server.get("port"),
            socket=server.get("socket"),
            use_ssl=bool(server.get("use_ssl")),
        )
