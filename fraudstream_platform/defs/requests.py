"""How a window travels from the sensor to its run: as run tags that a person can read."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import dagster as dg

from fraudstream_platform.drain.planning import DRAIN_JOB, STOP_TAG, Policy, Window, plan
from fraudstream_platform.lake.hours import hour_of
from fraudstream_platform.settings import Settings

JOB_NAME = DRAIN_JOB
_START = "fraudstream/window_start"
_ATTEMPT = "fraudstream/attempt"


def policy_of(settings: Settings) -> Policy:
    """The settings that planning depends on."""
    return Policy(
        mode=settings.drain_mode,
        window_ms=settings.drain_window_seconds * 1000,
        lead_ms=settings.warm_lead_seconds * 1000,
        # Its tasks go on for twice that: time enough for who replaces it to get warm.
        lease_ms=round(settings.run_lease_seconds * 1000 / 2),
    )


def run_request(window: Window) -> dg.RunRequest:
    """The request of one run for one window."""
    return dg.RunRequest(
        run_key=window.run_key,
        partition_key=hour_of(window.start),
        tags={
            _START: _text(window.start),
            STOP_TAG: _text(window.stop),
            _ATTEMPT: str(window.attempt),
        },
    )


def tagged_window(run: dg.DagsterRun) -> Window | None:
    """The window that a run was requested for; None for a run that a person launched."""
    tags = run.tags
    if not {_START, STOP_TAG, _ATTEMPT} <= tags.keys():
        return None
    return Window(_epoch_ms(tags[_START]), _epoch_ms(tags[STOP_TAG]), int(tags[_ATTEMPT]))


def window_of(context: dg.AssetExecutionContext, settings: Settings) -> Window:
    """The window to drain: the requested one, or one from now on for a run that a person launched.

    The same holds for a re-executed run: the old one's window is long over, and its term may be
    somebody else's.

    Raises dg.Failure where the rows would not go to the hour that the run is a partition of: Bronze
    comes from Kafka, as it arrives, and no backfill brings an hour of it again.
    """
    if context.run.job_name != JOB_NAME:
        raise dg.Failure(
            f"Bronze is drained by the job `{JOB_NAME}`, which its sensor starts; to rebuild an "
            "hour, select silver/transactions, silver/quarantine, gold/features and gold/alerts "
            "without Bronze"
        )
    tagged = tagged_window(context.run)
    if tagged is not None and context.run.parent_run_id is None:
        return tagged
    fresh = plan(round(time.time() * 1000), policy_of(settings), [], lag=1).request
    if fresh is None:
        raise RuntimeError("planning gave no window for a run launched by hand")
    hour = hour_of(fresh.start)
    if hour != context.partition_key:
        raise dg.Failure(
            f"what arrives now belongs to hour {hour} (UTC), not to {context.partition_key}: "
            f"launch the job `{JOB_NAME}` for {hour}; the sensor goes on from there in any case"
        )
    return fresh


def _text(epoch_ms: int) -> str:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).isoformat(timespec="milliseconds")


def _epoch_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)
