"""`fraudstream audit`: the trail, and the proof that it is whole."""

from __future__ import annotations

import sys
from typing import Annotated

import polars as pl
import typer
from rich.console import Console
from rich.table import Table

from fraudstream_platform.custody.audit_check import check_trail
from fraudstream_platform.drain.anchors import AnchorsUnreadableError, read_anchors
from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.audit_log import AuditLog
from fraudstream_platform.lake.audited import is_there
from fraudstream_platform.settings import Settings, get_settings

app = typer.Typer(help="The audit trail: show it, prove that nobody changed it.")

_WIDE = 400
"""Columns of output that goes to a file or another program."""
_SHOWN = ("sequence", "at", "who", "what", "outcome", "resource", "detail", "origin")


@app.command()
def verify(
    without_anchors: Annotated[
        bool, typer.Option("--without-anchors", help="Do not ask Kafka: a cut tail shows nowhere.")
    ] = False,
    since_record: Annotated[
        int, typer.Option(help="Begin there: older months were thrown away, a year after.", min=1)
    ] = 1,
) -> None:
    """Check every link of the trail and every anchor; exit status 1 names the first broken one."""
    settings = _settings()
    try:
        # Before the table is read: a record that comes meanwhile is in the table by then.
        anchors = {} if without_anchors else read_anchors(settings)
    except AnchorsUnreadableError as error:
        raise UserError(
            f"{error}; without anchors a tail that was cut off cannot be seen: start the broker, "
            "or ask for --without-anchors"
        ) from None
    proof = check_trail(settings, anchors, since_record)
    if proof.first_break is None:
        anchored = "anchors not asked" if without_anchors else f"{proof.anchors} anchors agree"
        since = f" from record {since_record} on" if since_record > 1 else ""
        typer.echo(f"The trail is whole{since}: {proof.records} records, {anchored}.")
        return
    broken = proof.first_break
    typer.echo(f"BROKEN at record {broken.sequence}: {broken.problem}.", err=True)
    typer.echo(f"The {proof.records} records before it are whole.", err=True)
    raise typer.Exit(1)


@app.command("log")
def show(
    newest: Annotated[int, typer.Option(help="How many of the newest records.", min=1)] = 50,
    what: Annotated[str, typer.Option(help="Only events whose name begins so.")] = "",
) -> None:
    """Show the newest records, oldest first."""
    rows = AuditLog(_settings()).frame().filter(pl.col("what").str.starts_with(what))
    table = Table(*_SHOWN, box=None)
    for row in rows.tail(newest).select(_SHOWN).with_columns(_time()).iter_rows():
        table.add_row(*(str(value) for value in row))
    # A pipe has no width: nothing of a record may be cut there.
    Console(width=None if sys.stdout.isatty() else _WIDE).print(table)


def _settings() -> Settings:
    settings = get_settings()
    if not is_there(settings):
        raise UserError("there is no audit trail yet: `fraudstream setup` makes it")
    return settings


def _time() -> pl.Expr:
    return pl.col("at").dt.strftime("%Y-%m-%d %H:%M:%S")
