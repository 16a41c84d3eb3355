"""The quality score of a transaction: 1 for complete and plausible, less for what is missing or odd.

score = max(0, 1 - missing weights - warning weights), halved where an error rule is broken.
A field is missed only where its channel can be expected to give it.
"""

from __future__ import annotations

from functools import cache

import polars as pl

from fraudstream_platform.contracts.codes import CARD_PRESENT_MODES

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

LATE_MS = 86_400_000

WARNINGS: dict[str, tuple[float, pl.Expr]] = {
    "arrived_a_day_late": (
        0.10,
        (pl.col("append_time") - pl.col("event_time")).dt.total_milliseconds() > LATE_MS,
    ),
    "billing_zero_for_amount": (
        0.15,
        (pl.col("billing_amount_minor") == 0) & (pl.col("amount_minor") > 0),
    ),
    "change_after_event": (
        0.10,
        pl.max_horizontal("contact_changed_at", "credential_changed_at", "wallet_added_at")
        > pl.col("event_time"),
    ),
}
"""Name -> (what it costs, when it applies)."""


@cache
def quality_expression() -> pl.Expr:
    """The score of a row that breaks no rule, 0 to 1, four decimals."""
    present = pl.col("entry_mode").is_in(list(CARD_PRESENT_MODES))
    remote = ~present & (pl.col("initiator") == "CIT")
    cost = pl.lit(0.0)
    for field, weight in DESIRED_ALWAYS.items():
        cost = cost + _cost(pl.col(field).is_null(), weight)
    for field, weight in DESIRED_CARD_PRESENT.items():
        cost = cost + _cost(present & pl.col(field).is_null(), weight)
    for field, weight in DESIRED_NOT_PRESENT.items():
        cost = cost + _cost(remote & pl.col(field).is_null(), weight)
    for weight, applies in WARNINGS.values():
        cost = cost + _cost(applies, weight)
    return (1.0 - cost).clip(0.0, 1.0).round(4)


def _cost(applies: pl.Expr, weight: float) -> pl.Expr:
    return applies.fill_null(False).cast(pl.Float64) * weight
