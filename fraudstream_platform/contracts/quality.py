"""The quality score of a transaction: 1 for complete and plausible, less for what is missing or odd.

score = max(0, 1 - missing weights - warning weights), halved where an error rule is broken.
A field is missed only where its channel can be expected to give it.

Three severities, then: an *error* (a rule of the Pandera model) keeps a row out of Silver, a
*warning* and a *gap* cost what their weight says and keep it out once they add up.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, reduce
from operator import or_
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fraudstream_platform.contracts.codes import CARD_PRESENT_MODES, SOURCES

ERROR_FACTOR = 0.5
"""What is left of the score of a row that breaks a rule."""

DESIRED_ALWAYS = {
    "customer": 0.05,
    "card": 0.05,
    "bin8": 0.03,
    "product": 0.02,
    "sent_at": 0.02,
    "utc_offset_min": 0.02,
}
DESIRED_CARD_PRESENT = {"latitude": 0.05, "geo_precision_km": 0.02}
DESIRED_NOT_PRESENT = {"device": 0.04, "ip": 0.04, "ip_country": 0.02, "email": 0.02}
"""Field -> what its absence costs; remote rows of the merchant (MIT) have no device to give."""

_DESIRED = {
    **{name: ("", weight) for name, weight in DESIRED_ALWAYS.items()},
    **{name: ("is_present", weight) for name, weight in DESIRED_CARD_PRESENT.items()},
    **{name: ("is_remote", weight) for name, weight in DESIRED_NOT_PRESENT.items()},
}

LATE = "arrived_a_day_late"
LATE_MS = 86_400_000

ARRIVED_AT = pl.coalesce("first_append_time", "append_time")
"""When a record came: one that is put through again is as late as it was at first."""

WARNINGS: dict[str, tuple[float, pl.Expr]] = {
    LATE: (
        0.10,
        (ARRIVED_AT - pl.col("event_time")).dt.total_milliseconds() > LATE_MS,
    ),
    "billing_zero_for_amount": (
        0.15,
        (pl.col("billing_amount_minor") == 0) & (pl.col("amount_minor") > 0),
    ),
    "change_after_event": (
        0.10,
        reduce(
            or_,
            (
                (pl.col(name) > pl.col("event_time")).fill_null(False)
                for name in ("contact_changed_at", "credential_changed_at", "wallet_added_at")
            ),
        ),
    ),
}
"""Name -> (what it costs, when it applies)."""

SOURCE = "source_place"
"""Column of `quality_terms`: place of the row's source in SOURCES; behind them all where it is none."""

_SOURCE_PLACE = (
    pl.col("source")
    .cast(pl.Enum(SOURCES), strict=False)
    .to_physical()
    .cast(pl.Int8)
    .fill_null(len(SOURCES))
    .alias(SOURCE)
)


@cache
def quality_terms() -> list[pl.Expr]:
    """The expressions that `quality_scores` needs evaluated over every row."""
    present = pl.col("entry_mode").is_in(list(CARD_PRESENT_MODES))
    remote = ~present & (pl.col("initiator") == "CIT")
    warnings = [applies.alias(name) for name, (_, applies) in WARNINGS.items()]
    terms = [present.alias("is_present"), remote.alias("is_remote"), *warnings]
    return [*(term.fill_null(False) for term in terms), _SOURCE_PLACE]


def quality_gaps(rows: pl.DataFrame) -> list[pl.Expr]:
    """Expressions, named `<field>_missing`, of the desired fields that are null in some row.

    Most are null in no row, which costs one look at the null count.
    """
    gaps = [name for name in _DESIRED if rows.get_column(name).null_count()]
    return [pl.col(name).is_null().alias(f"{name}_missing") for name in gaps]


def blemishes(terms: Mapping[str, NDArray[Any]], row: int) -> list[str]:
    """Names of what lowers a row's score without breaking a rule: `<field>_missing`, and warnings."""
    gaps = [
        f"{name}_missing"
        for name, (condition, _) in _DESIRED.items()
        if (absent := terms.get(f"{name}_missing")) is not None
        and absent[row]
        and (not condition or terms[condition][row])
    ]
    return gaps + [name for name in WARNINGS if terms[name][row]]


def completeness(rows: pl.DataFrame) -> float | None:
    """Weighted share of what rows can be expected to say and do say, 0 to 1; None without rows."""
    wanted = lacking = 0.0
    expected = rows.select(quality_terms()[:2])
    for name, (condition, weight) in _DESIRED.items():
        here = rows.filter(expected[condition]) if condition else rows
        wanted += weight * here.height
        lacking += weight * here[name].null_count()
    return 1 - lacking / wanted if wanted else None


def quality_scores(terms: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """The score of each row, as if it broke no rule: 0 to 1, four decimals.

    `terms` are the values of `quality_terms` and `quality_gaps`.
    """
    cost = np.zeros(terms["is_present"].shape)
    for name, (condition, weight) in _DESIRED.items():
        absent = terms.get(f"{name}_missing")
        if absent is not None:
            cost += weight * (absent & terms[condition] if condition else absent)
    for name, (weight, _) in WARNINGS.items():
        cost += weight * terms[name]
    return np.asarray(np.clip(1.0 - cost, 0.0, 1.0).round(4), np.float64)
