"""Records that wait in quarantine or as dead letters: those that nobody has put through again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import polars as pl

from fraudstream_platform.detection.step import DUPLICATE
from fraudstream_platform.lake.tables import HOUR, scan
from fraudstream_platform.settings import Settings

QUARANTINE = "silver.quarantine"
DEAD_LETTER = "bronze.dead_letter"
_AT = ("partition", "offset")
NOT_REPLAYABLE = {
    DUPLICATE: "repeats stay repeats",
    "key_agrees": "they stand in another partition than their customer's",
}
"""Rule -> why a record that broke it cannot be put through again."""


@dataclass(frozen=True)
class Choice:
    """Which records; what is empty restricts nothing."""

    rules: Collection[str] = ()
    """Names of failed rules, or of a dead letter's error class; one of them is enough."""
    sources: Collection[str] = ()
    hours: Collection[str] = ()
    at: Collection[tuple[int, int]] = ()
    """Partition and offset."""


def waiting(settings: Settings, choice: Choice) -> pl.DataFrame:
    """Rows of quarantine that wait, the oldest first, all their columns."""
    return _waiting(settings, QUARANTINE, choice)


def dead_letters(settings: Settings, choice: Choice) -> pl.DataFrame:
    """Dead letters that wait, the oldest first; those of a chosen source cannot be told apart."""
    return _waiting(settings, DEAD_LETTER, choice)


def _waiting(settings: Settings, table: str, choice: Choice) -> pl.DataFrame:
    rows = scan(settings, table).filter(_chosen(table, choice)).collect()
    if not rows.height:
        return rows
    done = replayed(settings, rows[HOUR].unique().to_list())
    return rows.join(done, on=_AT, how="anti").sort("append_time", *_AT)


def _chosen(table: str, choice: Choice) -> pl.Expr:
    chosen = pl.lit(True)
    if choice.rules and table == QUARANTINE:
        chosen &= pl.any_horizontal(
            pl.col("failed_rules").list.contains(rule) for rule in choice.rules
        )
    elif choice.rules:
        chosen &= pl.col("error_class").is_in(choice.rules)
    if choice.sources:
        chosen &= pl.col("source").is_in(choice.sources) if table == QUARANTINE else pl.lit(False)
    if choice.hours:
        chosen &= pl.col(HOUR).is_in(choice.hours)
    if choice.at:
        chosen &= pl.any_horizontal(
            (pl.col("partition") == partition) & (pl.col("offset") == offset)
            for partition, offset in choice.at
        )
    return chosen


def replayed(settings: Settings, hours: Sequence[str]) -> pl.DataFrame:
    """Places of `hours` that a later record of the lake repeats."""
    again = [
        scan(settings, table)
        .filter(pl.col("first_offset").is_not_null() & (pl.col(HOUR) >= min(hours)))
        .select("partition", pl.col("first_offset").alias("offset"))
        for table in ("bronze.transactions", DEAD_LETTER)
    ]
    return pl.concat(again).unique().collect()


def refusal(rules: Collection[str]) -> str | None:
    """Why a quarantined record with these failed rules cannot be put through again; None where it can."""
    return next((why for rule, why in NOT_REPLAYABLE.items() if rule in rules), None)
