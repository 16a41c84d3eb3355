"""What a backfill from the UI does: hours of Silver, features and alerts again, from Bronze.

A range of hours is one run, since state at an hour's start comes from all hours before it. With the
tag `fraudstream/candidate` the hours stand beside the live ones under that name; `fraudstream/rules`
names the file in `rules/` that decides them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import dagster as dg
from dagster_pyspark import LazyPySparkResource

from fraudstream_platform.defs.hour_checks import of_hours
from fraudstream_platform.detection.rules import RULES, RULES_DIR, read_rules
from fraudstream_platform.drain.rebuild import Progress, Rows, Target, rebuild_hours
from fraudstream_platform.drain.session import give_up_soon, wait_for_server
from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.promoted import LIVE, REBUILDABLE
from fraudstream_platform.lake.tables import ALERTS, REBUILT_ALERTS, rows_in_hour
from fraudstream_platform.settings import Settings

_CANDIDATE = "fraudstream/candidate"
_RULES = "fraudstream/rules"


def rebuild_events(
    context: dg.AssetExecutionContext, settings: Settings, pyspark: LazyPySparkResource
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Rebuild the selected assets' hours, and tell what each hour's partition holds now."""
    tables = {_table_of(key): key for key in sorted(context.selected_asset_keys)}
    refuse_others(tables)
    hours = sorted(context.partition_keys)
    wait_for_server(settings)
    spark = pyspark.spark_session
    give_up_soon(spark)
    target = _target_of(context.run.tags)
    context.log.info("rebuilding %s of %s from Bronze", ", ".join(tables), ", ".join(hours))

    def tell(progress: Progress) -> None:
        if progress.replaced is not None:
            context.log.info("hour %s is rebuilt: %s rows", progress.replaced, progress.rows)

    try:
        rows = rebuild_hours(settings, spark, hours, tables, tell, target)
    except UserError as error:
        raise dg.Failure(str(error)) from error
    for table in (one for one in REBUILDABLE if one in tables):  # Dagster wants parents first
        for hour in hours:
            metadata = hour_metadata(settings, hour, table, rows[hour], target)
            context.add_asset_metadata(metadata, asset_key=tables[table], partition_key=hour)
        yield dg.MaterializeResult(asset_key=tables[table])
    for key, result in of_hours(settings, hours).items():
        if key in context.selected_asset_check_keys:
            yield result()


def refuse_others(tables: Mapping[str, dg.AssetKey]) -> None:
    """Raise dg.Failure where something is selected that Bronze does not hold."""
    others = [key.to_user_string() for table, key in tables.items() if table not in REBUILDABLE]
    if others:
        raise dg.Failure(
            f"{', '.join(others)} cannot be rebuilt from Bronze: select only silver/transactions, "
            "silver/quarantine, gold/features and gold/alerts"
        )


def _target_of(tags: Mapping[str, str]) -> Target:
    rules = tags.get(_RULES)
    return Target(
        tags.get(_CANDIDATE, LIVE), read_rules(RULES_DIR / Path(rules).name) if rules else RULES
    )


def hour_metadata(
    settings: Settings, hour: str, table: str, rows: Rows, target: Target
) -> dict[str, dg.MetadataValue]:
    """What a rebuilt partition shows: `rows` are those written, by table."""
    metadata: dict[str, dg.MetadataValue] = {
        "rebuilt_from": dg.MetadataValue.text("bronze.transactions"),
        "stands_in": dg.MetadataValue.text(target.candidate),
        "rules": dg.MetadataValue.text(target.rules.version),
    }
    if table != REBUILT_ALERTS:
        return metadata | {"rows": dg.MetadataValue.int(rows[table])}
    return metadata | {
        "rows": dg.MetadataValue.int(rows_in_hour(settings, ALERTS, hour)),
        "rows_rebuilt": dg.MetadataValue.int(rows[table]),
        "rebuilt_rows_stand_in": dg.MetadataValue.text(REBUILT_ALERTS),
    }


def _table_of(key: dg.AssetKey) -> str:
    """The alert table keeps what really went out: its rebuild stands beside."""
    table = ".".join(key.path)
    return REBUILT_ALERTS if table == ALERTS else table
