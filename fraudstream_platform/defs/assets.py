"""The drained assets: Bronze, Silver, features and alerts of one hour, and their metadata.

A run that the sensor requests drains a window of the log into all of them. A run over a partition
without Bronze (a backfill from the UI) rebuilds what was selected from Bronze.
"""

from collections.abc import Iterator

import dagster as dg
from dagster_pyspark import LazyPySparkResource

from fraudstream_platform.defs import checks, requests
from fraudstream_platform.defs.metadata import window_metadata
from fraudstream_platform.defs.partitions import HOURS
from fraudstream_platform.drain.rebuild import rebuild_hour
from fraudstream_platform.drain.session import give_up_soon, wait_for_server
from fraudstream_platform.drain.window import WindowRun
from fraudstream_platform.settings import get_settings

DrainEvents = Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]

RAW_TOPIC = dg.AssetSpec(
    ["kafka", "transactions_raw"],
    group_name="sources",
    description="The raw topic: card transactions from POS, mobile and online, as Avro.",
    kinds={"kafka", "avro"},
)
SEALED_TOPIC = dg.AssetSpec(
    ["kafka", "vault_sealed"],
    group_name="sources",
    description="Sealed originals of identity tokens, once per new token, made at the edge.",
    kinds={"kafka"},
)
ALERT_TOPIC = dg.AssetSpec(
    ["kafka", "fraud_alerts"],
    group_name="sources",
    description="The alert topic, written by the drain's tasks in Kafka transactions.",
    deps=[RAW_TOPIC.key],
    kinds={"kafka", "avro"},
)

BRONZE = dg.AssetKey(["bronze", "transactions"])
DEAD_LETTER = dg.AssetKey(["bronze", "dead_letter"])
SILVER = dg.AssetKey(["silver", "transactions"])
QUARANTINE = dg.AssetKey(["silver", "quarantine"])
FEATURES = dg.AssetKey(["gold", "features"])
ALERTS = dg.AssetKey(["gold", "alerts"])
VAULT = dg.AssetKey(["vault", "entities"])
JOURNAL = dg.AssetKey(["kafka", "journal"])


def _spec(key: dg.AssetKey, deps: list[dg.AssetKey], description: str, group: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        key,
        deps=deps,
        description=description,
        group_name=group,
        skippable=True,
        kinds={"deltalake"},
    )


SPECS = [
    _spec(BRONZE, [RAW_TOPIC.key], "One decoded record as it arrived, protected.", "bronze"),
    _spec(DEAD_LETTER, [RAW_TOPIC.key], "Records that could not be decoded, sealed.", "bronze"),
    _spec(SILVER, [BRONZE], "Valid, de-duplicated transactions with a quality score.", "silver"),
    _spec(QUARANTINE, [BRONZE], "Records that broke a rule, every broken rule named.", "silver"),
    _spec(FEATURES, [SILVER], "The feature vector as it stood when scored.", "gold"),
    _spec(ALERTS, [FEATURES, ALERT_TOPIC.key], "Alerts, as they stand on the topic.", "gold"),
    _spec(VAULT, [SEALED_TOPIC.key], "Token to sealed original, once per token.", "vault"),
    dg.AssetSpec(
        JOURNAL,
        deps=[RAW_TOPIC.key],
        description="The journal: who owned which offsets, and how far each group got.",
        group_name="sources",
        skippable=True,
        kinds={"kafka"},
    ),
]


@dg.multi_asset(
    name="drained",
    specs=SPECS,
    check_specs=checks.SPECS,
    partitions_def=HOURS,
    can_subset=True,
    op_tags={"fraudstream/kind": "drain"},
)
def drained(context: dg.AssetExecutionContext, pyspark: LazyPySparkResource) -> DrainEvents:
    """Drain a window, or rebuild an hour from Bronze."""
    settings = get_settings()
    wait_for_server(settings)
    spark = pyspark.spark_session
    give_up_soon(spark)
    if BRONZE not in context.selected_asset_keys:
        yield from rebuild_events(context, rebuild_hour(settings, spark, context.partition_key))
        return
    window = requests.window_of(context, settings)
    report = WindowRun(
        settings, spark, window.start, window.stop, window.attempt, context.run_id
    ).execute()
    for key, metadata in window_metadata(settings, report).items():
        yield dg.MaterializeResult(asset_key=key, metadata=metadata)
    yield from checks.results(settings, report)


def rebuild_events(
    context: dg.AssetExecutionContext, rows: dict[str, int]
) -> Iterator[dg.MaterializeResult[None]]:
    """Materializations of the selected assets of a rebuilt hour."""
    for key in sorted(context.selected_asset_keys):
        table = ".".join(key.path)
        if table in rows:
            yield dg.MaterializeResult(
                asset_key=key,
                metadata={"rows": rows[table], "rebuilt_from": "bronze.transactions"},
            )
