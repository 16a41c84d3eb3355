"""The network's profiles: made by Spark from Silver every few minutes, at the lowest priority."""

import time
from collections.abc import Iterator

import dagster as dg
from dagster_pyspark import LazyPySparkResource

from fraudstream_platform.defs.assets import SILVER
from fraudstream_platform.defs.columns import column_schema
from fraudstream_platform.defs.instance import instance_of
from fraudstream_platform.defs.latest import last_run, newest_rows_s
from fraudstream_platform.drain.priority import own_session
from fraudstream_platform.drain.session import give_up_soon, wait_for_server
from fraudstream_platform.lake.tables import PROFILES
from fraudstream_platform.network.refresh import Report, refresh
from fraudstream_platform.network.schedule import decide
from fraudstream_platform.network.silver import SILVER as SILVER_TABLE
from fraudstream_platform.network.task import Part
from fraudstream_platform.settings import get_settings

JOB_NAME = "network"
_SLOW_SECONDS = 60.0
_LOWEST = 19
_MOST_SECONDS = 1_200
"""A refresh that hangs is ended then, and the next one begins."""

Events = Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]

_DESCRIPTIONS = {
    "gold.profiles_merchants": "Who shares customers with whom beyond chance: a version of all "
    "merchants a refresh. Colluding groups become alerts.",
    "gold.profiles_identities": "Who shares identifiers with whom: a version of everybody linked a "
    "refresh. Synthetic identities become alerts.",
}
SPECS = [
    dg.AssetSpec(
        table.split("."),
        deps=[SILVER],
        description=_DESCRIPTIONS[table],
        group_name="gold",
        kinds={"spark", "deltalake"},
        metadata={"dagster/column_schema": column_schema(table)},
    )
    for table in PROFILES
]
CHECKS = [
    dg.AssetCheckSpec(
        name,
        asset=table.split("."),
        description=description,
    )
    for table in PROFILES
    for name, description in (
        (
            "in_time",
            "The version was in its table before the append time at which it takes effect.",
        ),
        ("refresh_time", f"Reading and finding took at most {_SLOW_SECONDS:.0f} s."),
    )
]


@dg.multi_asset(name="network_profiles", specs=SPECS, check_specs=CHECKS)
def network_profiles(context: dg.AssetExecutionContext, pyspark: LazyPySparkResource) -> Events:
    """Refresh both profiles and tell of new findings."""
    settings = get_settings()
    own_session(_LOWEST)
    wait_for_server(settings)
    spark = pyspark.spark_session
    give_up_soon(spark)
    report = refresh(settings, spark, context.run_id)
    for part in report.parts:
        yield dg.MaterializeResult(
            asset_key=part.order.table.split("."), metadata=_metadata(report, part)
        )
        yield from _checks(report, part)


network_job = dg.define_asset_job(
    JOB_NAME,
    selection=dg.AssetSelection.assets(network_profiles),
    executor_def=dg.in_process_executor,
    tags={"fraudstream/kind": "network", dg.MAX_RUNTIME_SECONDS_TAG: str(_MOST_SECONDS)},
    description="Merchant collusion and synthetic identity over Silver; its sensor starts it.",
)


@dg.sensor(
    job=network_job,
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Refreshes the network's profiles while rows come, once they rest, and at the close "
    "of an hour; one refresh at a time.",
)
def network_sensor(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """One tick."""
    newest_s = newest_rows_s(get_settings(), [SILVER_TABLE])
    decision = decide(time.time(), newest_s, last_run(instance_of(context), JOB_NAME))
    return dg.RunRequest() if decision.refresh else dg.SkipReason(decision.reason)


def _metadata(report: Report, part: Part) -> dict[str, dg.MetadataValue]:
    told = [finding for finding in part.findings if finding in report.told]
    lines = [f"- **{one.score}** {one.reasons[0].text}" for one in part.findings]
    return {
        "version": dg.MetadataValue.text(report.version),
        "effective_from": dg.MetadataValue.timestamp(report.effective_from / 1000),
        "rows": dg.MetadataValue.int(part.profile_rows),
        "silver_rows": dg.MetadataValue.int(part.silver_rows),
        "seconds": dg.MetadataValue.float(part.seconds),
        "cpu_seconds": dg.MetadataValue.float(part.cpu_seconds),
        "findings": dg.MetadataValue.int(len(part.findings)),
        "alerts_told": dg.MetadataValue.int(len(told)),
        "groups": dg.MetadataValue.md("\n".join(lines) or "none"),
    }


def _checks(report: Report, part: Part) -> Iterator[dg.AssetCheckResult]:
    key = part.order.table.split(".")
    margin_s = (report.effective_from - report.published_at) / 1000
    yield dg.AssetCheckResult(
        asset_key=key,
        check_name="in_time",
        passed=report.is_in_time,
        description=f"published {margin_s:.0f} s before it takes effect",
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"margin_s": margin_s},
    )
    yield dg.AssetCheckResult(
        asset_key=key,
        check_name="refresh_time",
        passed=part.seconds <= _SLOW_SECONDS,
        description=f"{part.silver_rows:,} Silver rows in {part.seconds:.1f} s, {part.cpu_seconds:.1f} "
        "of them on a core",
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"seconds": part.seconds, "silver_rows": part.silver_rows},
    )
