"""`fraudstream keys`: a file of wrapped keys, and rotation."""

from __future__ import annotations

from enum import StrEnum, auto
from typing import Annotated

import typer
from rich.console import Console

from fraudstream_platform.custody import rotate_token
from fraudstream_platform.custody.rotate import retire_vault, rotate_vault
from fraudstream_platform.drain.anchors import anchor_now
from fraudstream_platform.lake.audited import audited, is_there
from fraudstream_platform.protection.keys import key_file
from fraudstream_platform.settings import Settings, get_settings

app = typer.Typer(help="Keys: make a file of wrapped ones, rotate. Both are audited.")


class Kind(StrEnum):
    """Keys that can be rotated."""

    VAULT = auto()
    TOKEN = auto()


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
    retire: Annotated[
        bool, typer.Option("--retire", help="Drop the older keys of KEY_FILE, for ever.")
    ] = False,
) -> None:
    """Vault: seal anew what older keys sealed. Token: link tokens that stay to the newest key.

    If it is interrupted, the next one goes on.
    """
    settings = get_settings()
    if retire and new:
        raise typer.BadParameter("--retire ends a rotation that --new began")
    try:
        lines = (
            _rotate_vault(settings, new, retire)
            if kind is Kind.VAULT
            else _rotate_token(settings, new, retire)
        )
    finally:
        anchor_now(settings)
    for line in lines:
        typer.echo(line)


def _rotate_vault(settings: Settings, new: bool, retire: bool) -> list[str]:
    with Console(stderr=True).status("rotating the vault key") as spinner:

        def note(table: str, count: int) -> None:
            spinner.update(f"{table}: {count:,} seals")

        if retire:
            renewed = retire_vault(settings, note)
        else:
            renewed = rotate_vault(settings, new_key=new, note=note)
    return [f"{table}: {count:,} seals renewed" for table, count in renewed.items()]


def _rotate_token(settings: Settings, new: bool, retire: bool) -> list[str]:
    act = rotate_token.begin if new else rotate_token.retire if retire else rotate_token.link
    with Console(stderr=True).status("rotating the token key") as spinner:
        count = act(settings, lambda told: spinner.update(f"{told:,} tokens linked"))
    held = ", ".join(str(key.version) for key in key_file(settings).keys("token"))
    return [f"{count:,} tokens linked; token keys in KEY_FILE: {held}"]
