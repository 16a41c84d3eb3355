"""Definitions of the drain's code location; the marts have one of their own, `build_marts`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_pyspark import LazyPySparkResource

from fraudstream_platform.defs import assets
from fraudstream_platform.defs.housekeeping import (
    HOUSEKEEPING_ASSETS,
    housekeeping_job,
    housekeeping_schedule,
)
from fraudstream_platform.defs.network import network_job, network_profiles, network_sensor
from fraudstream_platform.defs.promoting import promotions
from fraudstream_platform.defs.quality import quality_notices
from fraudstream_platform.defs.requests import JOB_NAME
from fraudstream_platform.defs.sensor import drain_sensor
from fraudstream_platform.drain.session import session_url
from fraudstream_platform.settings import get_settings


def build_defs(*, resource_overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """The code location; tests and modes differ by `resource_overrides` alone."""
    drain_job = dg.define_asset_job(
        JOB_NAME,
        selection=dg.AssetSelection.assets(assets.drained),
        executor_def=dg.in_process_executor,
        tags={"fraudstream/kind": "drain"},
        description="One window of the log, from Kafka to alerts and tables; its sensor starts it.",
    )
    resources: dict[str, Any] = {
        "pyspark": LazyPySparkResource(spark_config={"spark.remote": session_url(get_settings())})
    }
    return dg.Definitions(
        assets=[
            assets.RAW_TOPIC,
            assets.SEALED_TOPIC,
            assets.LABEL_TOPIC,
            assets.drained,
            network_profiles,
            promotions,
            *HOUSEKEEPING_ASSETS,
        ],
        jobs=[drain_job, network_job, housekeeping_job],
        schedules=[housekeeping_schedule],
        sensors=[drain_sensor, network_sensor, quality_notices],
        resources=resources | dict(resource_overrides or {}),
        executor=dg.in_process_executor,
    )
