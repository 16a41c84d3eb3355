"""What one window says of each source: pure arithmetic on the rows of Silver and quarantine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from fraudstream_platform.contracts import codes
from fraudstream_platform.contracts.quality import ARRIVED_AT, completeness
from fraudstream_platform.contracts.validation import rule_expressions
from fraudstream_platform.detection.step import DUPLICATE, HELD

TIMELY_MS = 5 * 60_000
"""Event and append of a live record lie at most so far apart."""
OTHER = "other"
"""Records that name no known source."""
TOPIC = "topic"
"""Not a source: whether the topic's records can be decoded, whoever sent them."""

_TEXT = {
    "currency": codes.CURRENCIES,
    "merchant_country": codes.COUNTRIES,
    "entry_mode": codes.ENTRY_MODES,
    "outcome": codes.OUTCOMES,
    "transaction_type": codes.TRANSACTION_TYPES,
    "mcc_class": tuple("0123456789"),
}
"""Field -> its known values; whatever else a broken record may hold counts as other."""
_DELAY = (ARRIVED_AT - pl.col("event_time")).dt.total_milliseconds()


@dataclass(frozen=True)
class Measured:
    """One source's records of one window within one hour; shares are 0 to 1, None: not measured."""

    hour: str
    source: str
    records: int
    valid: int
    quarantined: int = 0
    held: int = 0
    """Quarantined records that broke no rule: the source's breaker was open."""
    dead_letters: int = 0
    shares: Mapping[str, float | None] = field(default_factory=dict)
    delays_ms: tuple[int | None, int | None] = (None, None)
    """From event to append, median and 95th percentile."""
    schema_ids: tuple[int, ...] = ()
    failed_rules: Mapping[str, int] = field(default_factory=dict)
    distributions: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Field -> value -> records."""


def measure(rows: pl.DataFrame, dead_letters: pl.DataFrame) -> list[Measured]:
    """Figures of each hour and source, and of the topic.

    `rows`: those of Silver and quarantine with `hour`, `schema_id` and `failed_rules` (null in
    Silver); `dead_letters`: one `hour` a record that could not be decoded.
    """
    source = pl.when(pl.col("source").is_in(codes.SOURCES)).then("source").otherwise(pl.lit(OTHER))
    named = rows.with_columns(source.fill_null(OTHER).alias("source"))
    found = [
        _of_source(str(hour), str(name), part)
        for (hour, name), part in named.group_by(["hour", "source"], maintain_order=True)
    ]
    return sorted([*found, *_of_topic(rows, dead_letters)], key=lambda one: (one.hour, one.source))


def _of_topic(rows: pl.DataFrame, dead_letters: pl.DataFrame) -> Sequence[Measured]:
    decoded, dead = Counter(rows["hour"]), Counter(dead_letters["hour"])
    return [
        Measured(
            hour=hour,
            source=TOPIC,
            records=decoded[hour] + dead[hour],
            valid=decoded[hour],
            dead_letters=dead[hour],
            shares={"validity": decoded[hour] / (decoded[hour] + dead[hour])},
        )
        for hour in decoded | dead
    ]


def _of_source(hour: str, source: str, rows: pl.DataFrame) -> Measured:
    failed = rows["failed_rules"].drop_nulls()
    errors = list(rule_expressions())
    broken = failed.list.eval(pl.element().is_in(errors)).list.any()
    repeats = failed.list.contains(DUPLICATE)
    held = failed.list.contains(HELD) & ~broken & ~repeats
    return Measured(
        hour=hour,
        source=source,
        records=rows.height,
        valid=rows.height - failed.len(),
        quarantined=failed.len(),
        held=int(held.sum()),
        shares={
            "completeness": completeness(rows),
            "validity": 1 - int(broken.sum()) / rows.height,
            "uniqueness": 1 - int(repeats.sum()) / rows.height,
            "timeliness": _timeliness(rows),
            "quality_score": rows.select(pl.col("quality_score").mean()).item(),
        },
        delays_ms=_delays(rows),
        schema_ids=tuple(rows["schema_id"].drop_nulls().unique().sort()),
        failed_rules=_counts(failed.explode()),
        distributions=_distributions(rows),
    )


def _timeliness(rows: pl.DataFrame) -> float | None:
    """Of records that say when they were sent: history does not, and is late by intent."""
    live = rows.drop_nulls("sent_at")
    share: float | None = live.select((_DELAY.abs() <= TIMELY_MS).mean()).item()
    return share


def _delays(rows: pl.DataFrame) -> tuple[int | None, int | None]:
    p50, p95 = rows.select(
        _DELAY.quantile(0.5).alias("p50"), _DELAY.quantile(0.95).alias("p95")
    ).row(0)
    return None if p50 is None else round(p50), None if p95 is None else round(p95)


def _distributions(rows: pl.DataFrame) -> dict[str, dict[str, int]]:
    amount = pl.col("billing_amount_minor").clip(0).cast(pl.Float64).log1p() / 0.6931471805599453
    fields = rows.select(
        pl.col("mcc").str.head(1).alias("mcc_class"),
        # Powers of two: 2^7 minor units is about 1, 2^14 about 160.
        amount.floor().cast(pl.Int64).cast(pl.String).alias("amount_power"),
        *(name for name in _TEXT if name != "mcc_class"),
    )
    found = {"amount_power": _counts(fields["amount_power"].drop_nulls())}
    for name, known in _TEXT.items():
        values = fields.select(
            pl.when(pl.col(name).is_in(known)).then(name).otherwise(pl.lit(OTHER))
        ).to_series()
        found[name] = _counts(values)
    return found


def _counts(values: pl.Series) -> dict[str, int]:
    return dict(sorted(values.value_counts().iter_rows()))
