"""`fraudstream vault`: originals behind tokens."""

from __future__ import annotations

from typing import Annotated

import typer

from fraudstream_platform.custody.forget import forget_entry
from fraudstream_platform.custody.reveal import Request, reveal
from fraudstream_platform.drain.anchors import anchor_now
from fraudstream_platform.settings import get_settings

app = typer.Typer(help="Originals behind tokens: show one, forget one. Both are audited.")

_Token = Annotated[str, typer.Argument(help="Such as ca1_... in any table.")]
_Reason = Annotated[str, typer.Option(help="Why; it stands in the audit trail.")]


@app.command("reveal")
def show(
    token: _Token,
    reason: _Reason,
    clear: Annotated[
        bool, typer.Option("--clear", help="All of it, for members of VAULT_CLEAR_GROUP.")
    ] = False,
) -> None:
    """Show the original of a token, masked."""
    settings = get_settings()
    try:
        typer.echo(reveal(settings, Request(token, reason, clear)))
    finally:
        anchor_now(settings)


@app.command("forget")
def shred(token: _Token, reason: _Reason) -> None:
    """Shred the original of a token for ever; the token goes on joining."""
    settings = get_settings()
    try:
        had = forget_entry(settings, token, reason)
    finally:
        anchor_now(settings)
    typer.echo(f"{token} is forgotten." if had else f"{token} had been forgotten before.")
