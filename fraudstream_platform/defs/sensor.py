"""The drain sensor: sees runs, heartbeats and lag, and lets one pure function decide."""

from __future__ import annotations

import time

import dagster as dg
from confluent_kafka import KafkaException

from fraudstream_platform.defs.instance import instance_of
from fraudstream_platform.defs.requests import JOB_NAME, policy_of, run_request, tagged_window
from fraudstream_platform.drain.heads import Heads, read_heads
from fraudstream_platform.drain.kafka import TopicMissingError
from fraudstream_platform.drain.planning import RunState, RunView, Window, plan
from fraudstream_platform.drain.resume import RegroupError
from fraudstream_platform.settings import Settings, get_settings

_RUNS_SEEN = 20

_STATES: dict[dg.DagsterRunStatus, RunState] = {
    dg.DagsterRunStatus.SUCCESS: "succeeded",
    dg.DagsterRunStatus.FAILURE: "failed",
    dg.DagsterRunStatus.CANCELED: "cancelled",
    dg.DagsterRunStatus.CANCELING: "cancelled",
}


@dg.sensor(
    name="drain_sensor",
    job_name=JOB_NAME,
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests the next window's run early enough for it to be warm, replaces runs that "
    "failed or fell silent, and holds while a person has cancelled the newest one.",
)
def drain_sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One tick."""
    settings = get_settings()
    try:
        heads = read_heads(settings)
    except KafkaException as error:
        return dg.SkipReason(f"the broker at {settings.bootstrap} does not answer: {error}")
    except (RegroupError, TopicMissingError) as error:
        return dg.SkipReason(str(error))
    runs = drain_runs(instance_of(context), settings, heads)
    decision = plan(round(time.time() * 1000), policy_of(settings), runs, heads.lag)
    for run_id in decision.dead:
        _report_dead(context, run_id)
    if decision.request is None:
        return dg.SkipReason(decision.reason)
    return dg.SensorResult(run_requests=[run_request(decision.request)])


def drain_runs(instance: dg.DagsterInstance, settings: Settings, heads: Heads) -> list[RunView]:
    """The newest drain runs as planning sees them; rebuilds and other jobs' runs are no such."""
    records = instance.get_run_records(dg.RunsFilter(job_name=JOB_NAME), limit=_RUNS_SEEN)
    views = []
    for record in records:
        created = round(record.create_timestamp.timestamp() * 1000)
        window = tagged_window(record.dagster_run)
        if window is None or record.dagster_run.parent_run_id is not None:
            # Launched by a person: it drains from its start to the end of the grid cell.
            window = Window(created, created + settings.drain_window_seconds * 1000, 1)
        views.append(
            RunView(
                run_id=record.dagster_run.run_id,
                window=window,
                state=_STATES.get(record.dagster_run.status, "active"),
                created_at=created,
                ended_at=round(record.end_time * 1000) if record.end_time else None,
                heartbeat_at=heads.heartbeats.get(record.dagster_run.run_id),
            )
        )
    return views


def _report_dead(context: dg.SensorEvaluationContext, run_id: str) -> None:
    """A run whose process is gone stays STARTED for ever unless somebody says so."""
    run = context.instance.get_run_by_id(run_id)
    if run is not None and not run.is_finished:
        context.log.warning("run %s is silent past its lease; marking it failed", run_id)
        context.instance.report_run_failed(
            run, "no heartbeat in the journal for half of RUN_LEASE_SECONDS: its process is gone"
        )
