"""The drained assets: Bronze, Silver, features and alerts of one hour, and their metadata.

A run that the sensor requests drains a window of the log into all of them. A run over a partition
without Bronze (a backfill from the UI) rebuilds what was selected from Bronze.
"""

from collections.abc import Iterator

import dagster as dg
from dagster_pyspark import LazyPySparkResource

from fraudstream_platform.defs import checks, quality, requests
from fraudstream_platform.defs.columns import column_schema
from fraudstream_platform.defs.metadata import window_metadata
from fraudstream_platform.defs.partitions import HOURS
from fraudstream_platform.defs.rebuilding import rebuild_events
from fraudstream_platform.drain.priority import own_session
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
LABEL_TOPIC = dg.AssetSpec(
    ["kafka", "fraud_labels"],
    group_name="sources",
    description="What became known of transactions afterwards: fraud reports, chargebacks, charge-offs.",
    kinds={"kafka", "avro"},
)
BRONZE = dg.AssetKey(["bronze", "transactions"])
DEAD_LETTER = dg.AssetKey(["bronze", "dead_letter"])
SILVER = dg.AssetKey(["silver", "transactions"])
QUARANTINE = dg.AssetKey(["silver", "quarantine"])
FEATURES = dg.AssetKey(["gold", "features"])
ALERTS = dg.AssetKey(["gold", "alerts"])
VAULT = dg.AssetKey(["vault", "entities"])
LABELS = dg.AssetKey(["labels", "transactions"])
ALERT_TOPIC = dg.AssetKey(["kafka", "fraud_alerts"])
JOURNAL = dg.AssetKey(["kafka", "journal"])


def _table(key: dg.AssetKey, deps: list[dg.AssetKey], description: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        key,
        deps=deps,
        description=description,
        group_name=key.path[0],
        skippable=True,
        kinds={"deltalake"},
        metadata={"dagster/column_schema": column_schema(".".join(key.path))},
    )


def _topic(key: dg.AssetKey, deps: list[dg.AssetKey], description: str, group: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        key,
        deps=deps,
        description=description,
        group_name=group,
        skippable=True,
        kinds={"kafka"},
    )


SPECS = [
    _table(BRONZE, [RAW_TOPIC.key], "One decoded record as it arrived, protected."),
    _table(DEAD_LETTER, [RAW_TOPIC.key], "Records that could not be decoded, sealed."),
    _table(SILVER, [BRONZE], "Valid, de-duplicated transactions with a quality score."),
    _table(QUARANTINE, [BRONZE], "Records that broke a rule, every broken rule named."),
    _table(FEATURES, [SILVER], "The feature vector as it stood when the transaction was scored."),
    _topic(
        ALERT_TOPIC,
        [FEATURES],
        "The alert topic: each alert leaves in one Kafka transaction with the journal's record of it, "
        "before any table is written.",
        "gold",
    ),
    _table(
        ALERTS,
        [FEATURES, ALERT_TOPIC],  # a backfill takes no step past an asset that it does not rebuild
        "Alerts that really went out, read back from the topic. What a rebuild of an hour would "
        "have alerted stands beside, in gold.alerts_rebuilt.",
    ),
    _table(VAULT, [SEALED_TOPIC.key], "Token to sealed original, once per token."),
    _table(
        LABELS,
        [LABEL_TOPIC.key],
        "Every record of the label topic, each once; one that cannot be used says what is wrong.",
    ),
    _table(
        quality.KEY,
        [SILVER, QUARANTINE, DEAD_LETTER],
        "How good each source's data was, a row a window: shares, distributions, drift, and whether "
        "the source is degraded.",
    ),
    _topic(
        JOURNAL,
        [RAW_TOPIC.key],
        "The journal: who owned which offsets, how far each group got, which files hold the rows. "
        "The tables follow it.",
        "journal",
    ),
]


@dg.multi_asset(
    name="drained",
    specs=SPECS,
    check_specs=[*checks.SPECS, *quality.SPECS],
    partitions_def=HOURS,
    can_subset=True,
    backfill_policy=dg.BackfillPolicy.single_run(),
    op_tags={"fraudstream/kind": "drain"},
    description="Drains a window of the log; without Bronze selected, rebuilds hours from Bronze.",
)
def drained(context: dg.AssetExecutionContext, pyspark: LazyPySparkResource) -> DrainEvents:
    """Drain a window, or rebuild hours from Bronze."""
    settings = get_settings()
    if BRONZE not in context.selected_asset_keys:
        yield from rebuild_events(context, settings, pyspark)
        return
    window = requests.window_of(context, settings)
    wait_for_server(settings)
    spark = pyspark.spark_session
    give_up_soon(spark)
    own_session(0)  # commits decide how fresh the tables are; whatever only starts can wait
    report = WindowRun(
        settings, spark, window.start, window.stop, window.attempt, context.run_id
    ).execute()
    metadata = window_metadata(settings, report)
    for spec in SPECS:  # Dagster wants parents first, and so they stand there
        if spec.key in metadata:
            yield dg.MaterializeResult(asset_key=spec.key, metadata=metadata[spec.key])
    yield from checks.results(settings, report)
    yield from quality.quality_events(context, settings, report)
