"""Which version of an hour readers see.

An hour rebuilt under other rules or code stands beside the live one, as a *candidate*: tables of the
same names and columns under `<lake>/candidates/<name>`. `gold.promotions` says which candidate
stands for which hour; an hour's newest record decides, and an hour without one is the live one. So a
promotion is one commit of one table, however many tables and hours it makes visible, and going back
is another.
"""

from __future__ import annotations

import re

import polars as pl
from deltalake import DeltaTable

from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.uris import uri_of

REBUILDABLE = (
    "silver.transactions",
    "silver.quarantine",
    "gold.features",
    "gold.alerts_rebuilt",
)
"""Tables that a rebuild makes of Bronze, and that a candidate has of its own."""

PROMOTIONS = "gold.promotions"
PROMOTION_SCHEMA = pl.Schema(
    {
        "sequence": pl.Int64(),
        "candidate": pl.String(),
        "rules_version": pl.String(),
        "promoted_by": pl.String(),
        "promoted_at": pl.Datetime("ms", "UTC"),
    }
)
"""One hour's turn to one candidate, or back to LIVE; the highest `sequence` is the newest."""

LIVE = "live"
"""What was drained, or rebuilt in its place; no candidate can be called so."""

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")


def candidate_lake(lake: str, name: str) -> str:
    """Root of a candidate's tables; raises UserError where `name` cannot be one."""
    if name == LIVE or not _NAME.fullmatch(name):
        raise UserError(
            f"{name!r} is no name for a candidate: lower-case letters, digits, - and _, at most 32, "
            f"a letter first, and not {LIVE!r}"
        )
    return f"{lake.rstrip('/')}/candidates/{name}"


def promoted_hours(lake: str) -> dict[str, str]:
    """Hour -> the candidate that readers see for it; hours that are live are not in it."""
    uri = uri_of(lake, PROMOTIONS)
    if not DeltaTable.is_deltatable(uri):  # set up by an older version
        return {}
    rows = pl.read_delta(uri).sort("sequence").select("hour", "candidate")
    return {hour: name for hour, name in dict(rows.iter_rows()).items() if name != LIVE}


def hours_by_candidate(promoted: dict[str, str]) -> dict[str, list[str]]:
    """Candidate -> its promoted hours."""
    return {
        name: sorted(hour for hour, one in promoted.items() if one == name)
        for name in sorted(set(promoted.values()))
    }
