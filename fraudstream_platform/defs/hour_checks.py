"""Checks of rebuilt hours, read from the tables: a rebuild has no window that could tell its figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice

import dagster as dg
import polars as pl

from fraudstream_platform.lake.tables import HOUR, rows_in_hour, scan
from fraudstream_platform.quality.store import broken_rules
from fraudstream_platform.settings import Settings

SILVER = dg.AssetKey(["silver", "transactions"])
FEATURES = dg.AssetKey(["gold", "features"])
LOOKED_AT = 20_000
_SAMPLE = 5


def rules_check(broken: Mapping[str, Sequence[str]], looked_at: int) -> dg.AssetCheckResult:
    """Red, and blocking, where the step let a row through that Pandera would not.

    `broken`: place (partition:offset) of a Silver row -> the rules that it breaks.
    """
    return dg.AssetCheckResult(
        asset_key=SILVER,
        check_name="keeps_the_rules",
        passed=not broken,
        description=f"{len(broken):,} of {looked_at:,} Silver rows break a rule",
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "looked_at": looked_at,
            "broken": len(broken),
            "sample": dg.MetadataValue.json(dict(islice(broken.items(), _SAMPLE))),
        },
    )


def features_check(silver: int, features: int) -> dg.AssetCheckResult:
    """Red, and blocking, where a Silver row has no feature vector, or a vector no row."""
    return dg.AssetCheckResult(
        asset_key=FEATURES,
        check_name="every_row_has_features",
        passed=silver == features,
        description=f"{silver:,} Silver rows, {features:,} feature vectors",
        metadata={"silver_rows": silver, "feature_rows": features},
    )


def of_hours(
    settings: Settings, hours: Sequence[str]
) -> Mapping[dg.AssetCheckKey, Callable[[], dg.AssetCheckResult]]:
    """What to call for each check's result over `hours`."""
    return {
        dg.AssetCheckKey(SILVER, "keeps_the_rules"): lambda: _rules(settings, hours),
        dg.AssetCheckKey(FEATURES, "every_row_has_features"): lambda: features_check(
            *(
                sum(rows_in_hour(settings, table, hour) for hour in hours)
                for table in ("silver.transactions", "gold.features")
            )
        ),
    }


def _rules(settings: Settings, hours: Sequence[str]) -> dg.AssetCheckResult:
    """Over the first rows of each hour: a changed rule breaks early."""
    broken: dict[str, Sequence[str]] = {}
    looked_at = 0
    for hour in hours:
        rows = (
            scan(settings, "silver.transactions")
            .filter(pl.col(HOUR) == hour)
            .head(LOOKED_AT)
            .collect()
        )
        broken |= broken_rules(rows, settings.oldest_event_days)
        looked_at += rows.height
    return rules_check(broken, looked_at)
