"""Rotation of the token key: an identity keeps the token that it has, new ones get the newest key's.

State, joins and Kafka's partitions go by tokens, so a person whose token changed would be a stranger
to every counter. Hence links (`token_links`): token under the new key -> token that stays.

1. `begin`: a new key, and a link for every token of the vault. Sources that start from now on hold both
   keys; what nothing links yet gets the older key's token, and a link.
2. Every source is started anew, one by one, while the stream goes on.
3. `retire`: the vault is brought up to date, what lacks a link is linked, and the older key is dropped.
   A source that starts from then on cannot make a token with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from fraudstream_platform.custody.rotating import catch_up_vault, drop_older, rotating
from fraudstream_platform.drain.kafka import plain_producer
from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.rewrite import file_paths
from fraudstream_platform.lake.tables import VAULT, table_uri
from fraudstream_platform.lake.vault import FORGOTTEN
from fraudstream_platform.protection.keys import sealer_of, tokeniser_of
from fraudstream_platform.protection.tokens import TokenLinks
from fraudstream_platform.protection.vault import SealError
from fraudstream_platform.settings import Settings
from fraudstream_platform.token_links import LinkReader, tell_links

_FLUSH_S = 60.0

Note = Callable[[int], None]


def begin(settings: Settings, note: Note) -> int:
    """Add a token key and link the vault's tokens to it; how many. Raises UserError."""
    with rotating(settings, "token") as (file, ending):
        if len(file.keys("token")) > 1:
            raise UserError("a rotation is under way: end it with --retire")
        key = file.add("token")
        count = _link(settings, note)
        ending.detail = f"begun: key {key.id}; tokens linked: {count}"
        return count


def link(settings: Settings, note: Note) -> int:
    """Link what has no link yet, as after a `begin` that was cut short; how many."""
    with rotating(settings, "token") as (_, ending):
        count = _link(settings, note)
        ending.detail = f"tokens linked: {count}"
        return count


def retire(settings: Settings, note: Note) -> int:
    """Link the rest and drop every token key but the newest, for ever; tokens linked."""
    with rotating(settings, "token") as (file, ending):
        count = _link(settings, note)
        drop_older(file, "token", ending, f"tokens linked: {count}")
        return count


def _link(settings: Settings, note: Note) -> int:
    """Tell the topic a link for each token of the vault that lacks one."""
    catch_up_vault(settings)
    links = TokenLinks()
    reader = LinkReader(settings, links)
    try:
        reader.read_to_end()
    finally:
        reader.close()
    producer = plain_producer(settings, **{"linger.ms": 20})
    told = 0
    for missing in missing_links(settings, links):
        told += tell_links(settings, producer, missing)
        note(told)
    if producer.flush(_FLUSH_S):
        raise UserError(f"{settings.token_links_topic}: the broker does not take the links")
    return told


def missing_links(settings: Settings, links: TokenLinks) -> Iterator[list[tuple[str, str]]]:
    """Links that the vault's tokens lack, file by file; a forgotten token has none."""
    sealer, tokeniser = sealer_of(settings), tokeniser_of(settings, links)
    root = Path(table_uri(settings, VAULT))
    for path in file_paths(settings, VAULT):
        rows = pl.read_parquet(root / path, columns=["token", "sealed"])
        found = []
        for token, sealed in rows.filter(pl.col("sealed") != FORGOTTEN).iter_rows():
            try:
                original = sealer.open(sealed)
            except SealError as error:
                raise UserError(f"{token}: {error}") from None
            one = tokeniser.linked(token, original.kind, original.value)
            if one is not None:
                found.append(one)
        yield found
