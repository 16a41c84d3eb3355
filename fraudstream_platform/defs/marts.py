"""The marts: dbt's models as assets, its tests as checks, the docs, and the sensor that runs them.

They are for people who look back, so they run at a low priority: an alert never waits for one.
"""

import os
import time
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, dbt_assets

from fraudstream_platform.defs.instance import instance_of
from fraudstream_platform.defs.latest import last_run, newest_rows_s
from fraudstream_platform.drain.priority import own_session
from fraudstream_platform.lake.tables import ALERTS, LABELS
from fraudstream_platform.settings import get_settings
from fraudstream_platform.warehouse import dbt
from fraudstream_platform.warehouse.schedule import MARTS_EVERY_SECONDS, decide, slow_is_due
from fraudstream_platform.warehouse.snowflake_tables import ASSET_PREFIX

JOB_NAME = "marts"
DOCS_EVERY_SECONDS = 600
"""The documentation changes with the project; its row counts may be this old."""

_UPSTREAM = ("silver.transactions", ALERTS, LABELS)


class MartsTranslator(DagsterDbtTranslator):
    """Sources are the lake's assets, or the tables loaded from them; models are grouped by folder."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Of a source `<layer>`, `<name>`, below the prefix of what is loaded where it is."""
        key = super().get_asset_key(dbt_resource_props)
        is_source = dbt_resource_props["resource_type"] == "source"
        is_loaded = is_source and get_settings().snowflake_account
        return key.with_prefix(ASSET_PREFIX) if is_loaded else key

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The folder under `models/`: staging, intermediate or marts."""
        folder: str = dbt_resource_props["fqn"][1]
        return folder


class MartsConfig(dg.Config):
    """How to build."""

    full_refresh: bool = False
    """Build the incremental models anew, as after a rebuild of Silver from Bronze."""


@dbt_assets(
    manifest=dbt.prepare(get_settings()),
    dagster_dbt_translator=MartsTranslator(),
    name="dbt_models",
)
def marts(context: dg.AssetExecutionContext, config: MartsConfig) -> Iterator[Any]:
    """dbt build: models and their tests, in order."""
    settings = get_settings()
    own_session(settings.marts_nice)
    dbt.make_folders(settings)
    os.environ.update(dbt.dbt_environment(settings))
    resource = DbtCliResource(
        project_dir=str(dbt.PROJECT_DIR),
        profiles_dir=str(dbt.PROJECT_DIR),
        dbt_executable=str(dbt.EXECUTABLE),
    )
    # Unit tests judge the code, not the data: they need no processor beside the live pipeline.
    arguments = ["build", "--exclude-resource-type", "unit_test"]
    with_slow = config.full_refresh or slow_is_due(time.time(), dbt.slow_built_s(settings))
    if config.full_refresh:
        arguments.append("--full-refresh")
    if not with_slow:
        arguments += ["--exclude", "tag:slow"]
    yield from resource.cli(
        arguments, context=context, target_path=dbt.target_dir(settings)
    ).stream()
    if with_slow:
        dbt.mark_slow_built(settings)


@dg.asset(
    key=["warehouse", "dbt_docs"],
    deps=[dg.AssetKey(["marts", "mart_fraud_by_pattern_hourly"])],
    group_name="marts",
    kinds={"dbt"},
    output_required=False,
    description="The documentation site of the warehouse, one page, served on PORT_BASE+6.",
)
def docs(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
    """Write the page again if the project changed or the page is old."""
    settings = get_settings()
    if dbt.docs_are_fresh(settings, DOCS_EVERY_SECONDS):
        context.log.info("the page shows this project and is under %s s old", DOCS_EVERY_SECONDS)
        return
    own_session(settings.marts_nice)
    page = dbt.build_docs(settings)
    yield dg.MaterializeResult(
        metadata={"page": dg.MetadataValue.path(page), "bytes": page.stat().st_size}
    )


marts_job = dg.define_asset_job(
    JOB_NAME,
    selection=dg.AssetSelection.assets(marts, docs) | dg.AssetSelection.groups(ASSET_PREFIX),
    executor_def=dg.in_process_executor,
    tags={"fraudstream/kind": "marts"},
    description="Builds and tests the warehouse from the lake, and its documentation.",
)


@dg.sensor(
    job=marts_job,
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Builds the marts when the lake has moved, one build at a time.",
)
def marts_sensor(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """One tick."""
    decision = decide(
        time.time(),
        newest_rows_s(get_settings(), _UPSTREAM),
        last_run(instance_of(context), JOB_NAME),
        MARTS_EVERY_SECONDS,
    )
    return dg.RunRequest() if decision.build else dg.SkipReason(decision.reason)


MARTS_ASSETS = [marts, docs]
MARTS_JOBS = [marts_job]
MARTS_SENSORS = [marts_sensor]
