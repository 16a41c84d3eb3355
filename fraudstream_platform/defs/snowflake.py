"""The lake's tables in Snowflake as assets; defined only where the settings name an account.

An asset here is one call of the loader a table. What is loaded, and how often, the ledger decides: a
run that is repeated, or that ran beside another, materialises with no rows.
"""

from collections.abc import Iterator

import dagster as dg
from dagster_snowflake import SnowflakeResource

from fraudstream_platform.defs.columns import column_schema
from fraudstream_platform.settings import get_settings
from fraudstream_platform.warehouse.snowflake_load import Loaded, Loader
from fraudstream_platform.warehouse.snowflake_session import snowflake_resource
from fraudstream_platform.warehouse.snowflake_tables import ASSET_PREFIX, LOADED

JOB_NAME = "warehouse"


def asset_key(table: str) -> dg.AssetKey:
    """Key of a loaded table: `snowflake/<layer>/<name>`."""
    return dg.AssetKey([ASSET_PREFIX, *table.split(".")])


def _spec(table: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        asset_key(table),
        deps=[dg.AssetKey(table.split("."))],
        group_name=ASSET_PREFIX,
        kinds={"snowflake"},
        description=f"{table} of the lake, as Snowflake has it.",
        metadata={"dagster/column_schema": column_schema(table)},
    )


@dg.multi_asset(
    specs=[_spec(table) for table in LOADED],
    can_subset=True,
    name="loaded_tables",
)
def loaded_tables(
    context: dg.AssetExecutionContext, snowflake: SnowflakeResource
) -> Iterator[dg.MaterializeResult[None]]:
    """Bring the selected tables up to the lake."""
    tables = [table for table in LOADED if asset_key(table) in context.selected_asset_keys]
    with snowflake.get_connection() as connection:
        loader = Loader(get_settings(), connection)
        loader.prepare(tables)
        for table in tables:
            yield dg.MaterializeResult(
                asset_key=asset_key(table), metadata=_metadata(loader.load(table))
            )


def _metadata(loaded: Loaded) -> dict[str, dg.MetadataValue]:
    kinds = [change.kind for change in loaded.changes]
    return {
        "rows_copied": dg.MetadataValue.int(loaded.rows),
        "transactions": dg.MetadataValue.int(loaded.transactions),
        "delta_version": dg.MetadataValue.int(loaded.delta_version),
        "partitions_appended_to": dg.MetadataValue.int(kinds.count("append")),
        "partitions_replaced": dg.MetadataValue.int(kinds.count("replace")),
    }


warehouse_job = dg.define_asset_job(
    JOB_NAME,
    selection=dg.AssetSelection.assets(loaded_tables),
    executor_def=dg.in_process_executor,
    tags={"fraudstream/kind": "warehouse"},
    description="Loads the lake's tables into Snowflake; the marts' job does so before it builds.",
)

SNOWFLAKE_ASSETS = [loaded_tables]
SNOWFLAKE_JOBS = [warehouse_job]


def snowflake_resources() -> dict[str, SnowflakeResource]:
    """Resources of these assets."""
    return {"snowflake": snowflake_resource(get_settings())}
