"""`fraudstream promote`: readers see a candidate's hours from now on, or the live ones again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import polars as pl
import typer
from rich.console import Console
from rich.table import Table

from fraudstream_platform.lake import promote as promotion
from fraudstream_platform.lake.promoted import LIVE, REBUILDABLE
from fraudstream_platform.lake.tables import HOUR, scan, table_uri
from fraudstream_platform.settings import Settings, get_settings

_ONLY_FROM = "Only from this hour on, UTC, as 2026-11-28T09."


def promote(
    candidate: Annotated[str, typer.Argument(help=f"Its name; {LIVE!r} goes back to live rows.")],
    first: Annotated[str, typer.Option("--from", help=_ONLY_FROM)] = "",
    last: Annotated[str, typer.Option("--to", help="Only up to this hour.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Let readers see the candidate's hours: all of them at once, audited."""
    settings = get_settings()
    hours = promotion.hours_to_promote(settings, candidate, first, last)
    Console().print(_compared(settings, candidate, hours))
    if not yes:
        typer.confirm("Let readers see them?", abort=True)
    promotion.promote(settings, candidate, hours)
    typer.echo(
        f"Promoted {len(hours)} hours of {candidate}. The marts take it over with a run of the "
        "`marts` job with `full_refresh: true`."
    )


def _compared(settings: Settings, candidate: str, hours: Sequence[str]) -> Table:
    """Rows by hour and table, as readers see them now and as they would."""
    shown = Table(title=f"rows now -> with {candidate}")
    for column in (HOUR, *REBUILDABLE):
        shown.add_column(column, justify="left" if column == HOUR else "right")
    own = promotion.of_candidate(settings, candidate)
    now = {table: _rows(scan(settings, table), hours) for table in REBUILDABLE}
    then = {table: _rows(pl.scan_delta(table_uri(own, table)), hours) for table in REBUILDABLE}
    for hour in hours:
        cells = [
            f"{now[table].get(hour, 0):,} -> {then[table].get(hour, 0):,}" for table in REBUILDABLE
        ]
        shown.add_row(hour, *cells)
    return shown


def _rows(table: pl.LazyFrame, hours: Sequence[str]) -> dict[str, int]:
    counted = table.filter(pl.col(HOUR).is_in(hours)).group_by(HOUR).agg(pl.len()).collect()
    return dict(counted.iter_rows())
