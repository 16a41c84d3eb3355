"""`fraudstream keys`: a file of wrapped keys, and rotation."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from fraudstream_platform.custody.rotate import rotate_vault
from fraudstream_platform.drain.anchors import anchor_now
from fraudstream_platform.lake.audited import audited, is_there
from fraudstream_platform.protection.keys import key_file
from fraudstream_platform.settings import get_settings

app = typer.Typer(help="Keys: make a file of wrapped ones, rotate. Both are audited.")


class Kind(StrEnum):
    """Keys that can be rotated."""

    VAULT = "vault"


@app.command()
def create() -> None:
    """Make KEY_FILE: new keys, wrapped under the key-encryption key."""
    settings = get_settings()
    file = key_file(settings)
    if is_there(settings):
        with audited(settings, "keys.create", "token, vault"):
            file.create()
        anchor_now(settings)
    else:  # before `setup` there is no trail, and nothing that a key could open
        file.create()
    typer.echo(f"{settings.key_file} holds a token key and a vault key, both wrapped.")


@app.command()
def rotate(
    kind: Annotated[Kind, typer.Option(help="Which keys.")],
    new: Annotated[bool, typer.Option("--new", help="Add a new key to KEY_FILE first.")] = False,
) -> None:
    """Seal anew what older keys sealed; if it is interrupted, the next one goes on."""
    settings = get_settings()
    console = Console(stderr=True)
    try:
        with console.status(f"rotating the {kind.value} key") as spinner:
            renewed = rotate_vault(
                settings,
                new_key=new,
                note=lambda table, count: spinner.update(f"{table}: {count:,} seals"),
            )
    finally:
        anchor_now(settings)
    for table, count in renewed.items():
        typer.echo(f"{table}: {count:,} seals renewed")
