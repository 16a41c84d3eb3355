"""The quality of each source: measured at a window's end, told by a sensor until everybody knows."""

from __future__ import annotations

import time
from collections.abc import Iterator

import dagster as dg
import polars as pl

from fraudstream_platform.defs import pictures
from fraudstream_platform.defs.hour_checks import SILVER, rules_check
from fraudstream_platform.drain.priority import step_back
from fraudstream_platform.drain.window import WindowReport
from fraudstream_platform.quality.judge import SHARES
from fraudstream_platform.quality.topic import TopicAwayError, publish
from fraudstream_platform.quality.webhook import ReceiverAwayError, post
from fraudstream_platform.quality.window import Measurement, measure_window
from fraudstream_platform.settings import Settings, get_settings

KEY = dg.AssetKey(["quality", "metrics"])
_LOWEST = 19

SPECS = [
    dg.AssetCheckSpec(
        "sources_are_well",
        asset=KEY,
        description="No source is degraded: none below DATA_QUALITY_ALERT_THRESHOLD, fallen against "
        "its trend or drifted, since it last recovered.",
    ),
    dg.AssetCheckSpec(
        "keeps_the_rules",
        asset=SILVER,
        description="Pandera's own word on the newest Silver rows of the window: none breaks a rule.",
        blocking=True,
    ),
    dg.AssetCheckSpec(
        "measured",
        asset=KEY,
        description="The window's quality was measured; else the next window measures both.",
    ),
]

Events = Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]


def quality_events(
    context: dg.AssetExecutionContext, settings: Settings, report: WindowReport
) -> Events:
    """Measure what the window brought and tell what is news; an error here is no fault of the drain."""
    began = time.perf_counter()
    step_back(_LOWEST)
    try:
        window = (report.window_start, report.window_stop)
        measurement = measure_window(settings, window, report.ended)
    except Exception as error:
        context.log.exception("the window's quality could not be measured")
        yield _measured(False, type(error).__name__)
        return
    _tell(context, settings)
    if measurement.metrics.height:
        yield dg.MaterializeResult(asset_key=KEY, metadata=_metadata(measurement, began))
    yield rules_check(measurement.broken, measurement.looked_at)
    yield well_check(measurement)
    yield _measured(True, f"{measurement.metrics.height} rows")


def _tell(context: dg.AssetExecutionContext, settings: Settings) -> None:
    try:
        for notice in publish(settings):
            context.log.warning("%s", notice.text)
    except (TopicAwayError, OSError) as error:
        context.log.warning("notices wait for the sensor quality_notices: %s", error)


def _measured(passed: bool, words: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=KEY,
        check_name="measured",
        passed=passed,
        description=words,
        severity=dg.AssetCheckSeverity.WARN,
    )


def well_check(measurement: Measurement) -> dg.AssetCheckResult:
    """Red while a source is degraded, with why, and with some of the records that were kept out."""
    degraded = measurement.degraded
    words = [f"{source}: {'; '.join(reasons)}" for source, reasons in sorted(degraded.items())]
    sources = measurement.metrics["source"].n_unique()
    return dg.AssetCheckResult(
        asset_key=KEY,
        check_name="sources_are_well",
        passed=not degraded,
        description=" | ".join(words) or f"{sources} sources measured, none is degraded",
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "degraded": len(degraded),
            "quarantined_sample": dg.MetadataValue.md(table_of(measurement.sample)),
        },
    )


def _metadata(measurement: Measurement, began: float) -> dict[str, dg.MetadataValue]:
    rows = measurement.metrics
    shown = rows.select(
        "source", "records", "quarantined", "held", "dead_letters", *SHARES, "drift", "is_degraded"
    )
    lowest = rows.select(pl.col(name).min() for name in SHARES).row(0, named=True)
    return {
        "sources": dg.MetadataValue.md(table_of(shown)),
        "records": dg.MetadataValue.int(int(rows.filter(source="topic")["records"].sum())),
        **{
            f"lowest_{name}": dg.MetadataValue.float(value)
            for name, value in lowest.items()
            if value is not None
        },
        "trend": pictures.trend("mean quality score by window", measurement.trend, 0.0, 1.0),
        "notices": dg.MetadataValue.int(rows["notice"].drop_nulls().len()),
        "seconds": dg.MetadataValue.float(round(time.perf_counter() - began, 2)),
    }


def table_of(rows: pl.DataFrame) -> str:
    """A Markdown table of a few rows."""
    if not rows.height:
        return "none"
    lines = [rows.columns, ["---"] * rows.width, *([_cell(v) for v in row] for row in rows.rows())]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cell(value: object) -> str:
    text = f"{value:.4f}" if isinstance(value, float) else str("" if value is None else value)
    return text.replace("|", "/").replace("\n", " ")


@dg.sensor(
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Sends notices that topic or webhook have not got yet; it starts no run.",
)
def quality_notices() -> dg.SkipReason:
    """One tick."""
    settings = get_settings()
    said = []
    try:
        said.append(f"{len(publish(settings))} notices published")
    except FileNotFoundError:
        return dg.SkipReason("nothing is set up yet")
    except TopicAwayError as error:
        said.append(f"notices wait for the topic: {error}")
    try:
        said.append(f"{len(post(settings))} posted")
    except ReceiverAwayError as error:
        said.append(f"notices wait for the webhook: {error}")
    return dg.SkipReason("; ".join(said))
