"""A day's figures from the marts in DuckDB."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from fraudstream_platform.errors import UserError
from fraudstream_platform.report.figures import (
    BrokenRule,
    Day,
    HourOfDay,
    PatternOfDay,
    RuleSet,
    ServiceHour,
    SourceOfDay,
)

Row = TypeVar("Row")
PATIENCE_S = 120.0
"""How long to wait for a build to let go of the file."""

_HOURS = """
select
    extract(hour from occurred_at),
    count(*) filter (where is_attempt),
    count(*) filter (where is_attempt and is_approved),
    count(*) filter (where is_attempt and is_declined),
    coalesce(sum(case when is_attempt and is_approved then billing_amount_minor end), 0)
from marts.fct_transactions
where cast(occurred_at as date) = $date
group by 1 order by 1
"""
_PATTERNS = """
select
    pattern,
    sum(strongest_alert_count),
    sum(strongest_billing_amount_minor),
    sum(strongest_fraud_alert_count),
    sum(strongest_genuine_alert_count)
from marts.mart_fraud_by_pattern_hourly
where cast(hour_at as date) = $date
group by 1 having sum(strongest_alert_count) > 0 order by 2 desc, 1
"""
_RULE_SETS = """
select
    rules_version,
    precision_by_transaction,
    recall_by_transaction,
    fraud_value_minor,
    caught_value_minor,
    after_alert_value_minor
from marts.mart_detection_quality
where pattern = 'any' and (alert_count > 0 or fraud_count > 0)
order by 1
"""
_SOURCES = """
select
    source_system,
    sum(record_count),
    sum(quarantined_count),
    sum(mean_quality_score * record_count)
    / nullif(sum(case when mean_quality_score is not null then record_count end), 0)
from marts.mart_data_quality_trend
where failed_rule = 'any' and cast(hour_at as date) = $date
group by 1 order by 1
"""
_BROKEN_RULES = """
select failed_rule, sum(quarantined_count)
from marts.mart_data_quality_trend
where failed_rule != 'any' and cast(hour_at as date) = $date
group by 1 order by 2 desc, 1 limit 10
"""
_SERVICE = """
select
    extract(hour from hour_at),
    transaction_count,
    peak_per_second,
    append_delay_p95_s,
    alert_count,
    alert_latency_p50_s,
    alert_latency_p95_s,
    alert_latency_max_s
from marts.mart_pipeline_slo
where cast(hour_at as date) = $date
order by 1
"""


def read_day(warehouse: Path, date: dt.date, patience_s: float = PATIENCE_S) -> Day:
    """The day's figures; UserError where there are none, or the file stays locked."""
    with _opened(warehouse, patience_s) as connection:

        def rows(sql: str, row: Callable[..., Row]) -> list[Row]:
            given = {"date": date} if "$date" in sql else {}
            return [row(*one) for one in connection.execute(sql, given).fetchall()]

        day = Day(
            date,
            rows(_HOURS, HourOfDay),
            rows(_PATTERNS, PatternOfDay),
            rows(_RULE_SETS, RuleSet),
            rows(_SOURCES, SourceOfDay),
            rows(_BROKEN_RULES, BrokenRule),
            rows(_SERVICE, ServiceHour),
        )
        if not day.hours and not day.service:
            bounds: Any = connection.execute(
                "select min(date_day), max(date_day) from marts.dim_dates"
            ).fetchone()
            raise UserError(
                f"The warehouse holds nothing of {date}: its days are {bounds[0]} to {bounds[1]}"
            )
    return day


@contextmanager
def _opened(warehouse: Path, patience_s: float) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection; a build of the marts holds the file for seconds."""
    if not warehouse.exists():
        raise UserError("There is no warehouse yet: it appears with the first build of the marts")
    until = time.monotonic() + patience_s
    while True:
        try:
            connection = duckdb.connect(str(warehouse), read_only=True)
            break
        except duckdb.IOException:
            if time.monotonic() >= until:
                raise UserError("The marts are being built: try again in a minute") from None
            time.sleep(0.5)
    try:
        yield connection
    except duckdb.CatalogException as error:
        raise UserError(f"The warehouse lacks a mart: {str(error).splitlines()[0]}") from None
    finally:
        connection.close()
