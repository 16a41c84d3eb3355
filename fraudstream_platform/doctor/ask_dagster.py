"""Facts of Dagster, in one request to its webserver."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from fraudstream_platform.doctor.judge_dagster import DagsterFacts, RunFacts, SensorFacts
from fraudstream_platform.drain.planning import DRAIN_JOB, STOP_TAG
from fraudstream_platform.settings import Settings

_TIMEOUT_S = 20.0
_SEEN = 50
_HOUR_S = 3600.0
_OPEN = ["QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"]

QUERY = """
query Doctor($open: RunsFilter!, $failed: RunsFilter!, $seen: Int!) {
  instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } }
  workspaceOrError {
    __typename
    ... on Workspace { locationEntries { name locationOrLoadError {
      __typename
      ... on PythonError { message }
      ... on RepositoryLocation { repositories { sensors {
        name minIntervalSeconds
        sensorState { status ticks(limit: 1) { status timestamp error { message } } }
      } } }
    } } }
    ... on PythonError { message }
  }
  open: runsOrError(filter: $open, limit: $seen) {
    ... on Runs { results { runId jobName status creationTime tags { key value } } }
  }
  failed: runsOrError(filter: $failed, limit: $seen) { ... on Runs { results { runId } } }
}
"""


class DagsterAnswerError(RuntimeError):
    """The webserver answered, but not what was asked."""


def ask_dagster(settings: Settings) -> DagsterFacts:
    """Ask now; raises OSError where nothing answers, DagsterAnswerError where it makes no sense."""
    now_s = time.time()
    failed = {"statuses": ["FAILURE"], "pipelineName": DRAIN_JOB, "createdAfter": now_s - _HOUR_S}
    variables = {"open": {"statuses": _OPEN}, "failed": failed, "seen": _SEEN}
    return facts_of(_post(settings, variables), now_s)


def facts_of(data: Mapping[str, Any], now_s: float) -> DagsterFacts:
    """The answer's facts at `now_s` (epoch seconds); raises DagsterAnswerError."""
    workspace = data["workspaceOrError"]
    if workspace["__typename"] != "Workspace":
        raise DagsterAnswerError(workspace.get("message", workspace["__typename"]))
    entries = workspace["locationEntries"]
    daemons = data["instance"]["daemonHealth"]["allDaemonStatuses"]
    return DagsterFacts(
        daemons={one["daemonType"]: bool(one["healthy"]) for one in daemons if one["required"]},
        locations={entry["name"]: _error(entry) for entry in entries},
        sensors=[sensor for entry in entries for sensor in _sensors(entry, now_s)],
        runs=[_run(run, now_s) for run in data["open"].get("results", ())],
        failed_drain_runs=len(data["failed"].get("results", ())),
    )


def _post(settings: Settings, variables: Mapping[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{settings.dagster_webserver}/graphql",
        json.dumps({"query": QUERY, "variables": variables}).encode(),
        {"Content-Type": "application/json"},
    )
    if request.type not in ("http", "https"):
        raise DagsterAnswerError(f"DAGSTER_URL {settings.dagster_webserver} is no http address")
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # nosec B310
        text = response.read()
    try:
        answer = json.loads(text)
    except ValueError:
        raise DagsterAnswerError("no JSON came back: is that Dagster's webserver?") from None
    if answer.get("errors"):
        raise DagsterAnswerError(str(answer["errors"][0].get("message")))
    data: dict[str, Any] = answer["data"]
    return data


def _error(entry: Mapping[str, Any]) -> str:
    loaded = entry["locationOrLoadError"]
    if loaded is None:
        return "is being loaded"
    if loaded["__typename"] == "PythonError":
        return str(loaded["message"]).strip().splitlines()[0]
    return ""


def _sensors(entry: Mapping[str, Any], now_s: float) -> Iterator[SensorFacts]:
    loaded = entry["locationOrLoadError"] or {}
    for repository in loaded.get("repositories", ()):
        for sensor in repository["sensors"]:
            ticks = sensor["sensorState"]["ticks"]
            tick = ticks[0] if ticks else None
            yield SensorFacts(
                name=sensor["name"],
                running=sensor["sensorState"]["status"] == "RUNNING",
                every_s=float(sensor["minIntervalSeconds"]),
                tick_status=tick["status"] if tick else None,
                tick_age_s=now_s - tick["timestamp"] if tick else None,
                tick_error=((tick or {}).get("error") or {}).get("message", "").strip(),
            )


def _run(run: Mapping[str, Any], now_s: float) -> RunFacts:
    tags = {tag["key"]: tag["value"] for tag in run["tags"]}
    stop = tags.get(STOP_TAG)
    return RunFacts(
        run_id=run["runId"],
        job=run["jobName"],
        status=run["status"],
        age_s=now_s - run["creationTime"],
        over_s=now_s - datetime.fromisoformat(stop).timestamp() if stop else None,
    )
