"""Protects a frame of transactions: identity columns hold tokens of their kind, or the row is clear.

Clear rows are refused, or, where clear values are allowed, tokenised in memory with a seal for each
new token. A frame that holds tokens only is recognised in one pass over their bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from fraudstream_platform.contracts.schemas import IDENTITY_KINDS
from fraudstream_platform.contracts.texts import Texts
from fraudstream_platform.protection.normalise import IdentityError, normalise
from fraudstream_platform.protection.token_screen import mark_clear
from fraudstream_platform.protection.tokens import PREFIXES, Tokeniser, is_token
from fraudstream_platform.protection.vault import Sealer


@dataclass(frozen=True)
class Protected:
    """A frame without clear identities.

    `refused` marks the rows that could not be protected, whose identity columns are null in
    `frame`; `seals` are (token, vault record) pairs that have to reach the sealed topic.
    """

    frame: pl.DataFrame
    seals: list[tuple[str, bytes]]
    refused: pl.Series


@dataclass
class SealedTokens:
    """Which tokens were sealed lately; forgets all of them at `limit`, so some are sealed twice."""

    limit: int = 500_000
    _known: set[str] = field(default_factory=set)

    def is_new(self, token: str) -> bool:
        """True once for each token."""
        if token in self._known:
            return False
        if len(self._known) >= self.limit:
            self._known.clear()
        self._known.add(token)
        return True


def clear_rows(texts: Texts) -> pl.Series:
    """True where some identity column holds something else than a token of its kind."""
    return pl.Series("clear", mark_clear(texts, IDENTITY_KINDS))


def protect_frame(
    frame: pl.DataFrame,
    clear: pl.Series,
    tokeniser: Tokeniser,
    allow_clear: bool,
    sealer: Sealer | None = None,
    sealed: SealedTokens | None = None,
) -> Protected:
    """Protect every identity column of the rows that are `clear` (`clear_rows`).

    A sealer is needed where clear values are allowed.
    """
    if not clear.any():
        return Protected(frame, [], clear.alias("refused"))
    columns = list(IDENTITY_KINDS)
    if not allow_clear:
        return Protected(_blanked(frame, columns, clear), [], clear.alias("refused"))
    if sealer is None:
        raise ValueError("clear identities can only be accepted with a sealer")
    known = sealed if sealed is not None else SealedTokens()
    places = clear.arg_true().to_list()
    seals: list[tuple[str, bytes]] = []
    refused_places: set[int] = set()
    replaced = []
    for name in columns:
        column = frame.get_column(name)
        if column.null_count() == column.len():
            continue
        values = column.gather(places).to_list()
        tokens = _tokens(IDENTITY_KINDS[name], values, places, refused_places, tokeniser)
        seals.extend(_new_seals(IDENTITY_KINDS[name], values, tokens, sealer, known))
        replaced.append(column.scatter(places, tokens))
    refused = pl.repeat(False, frame.height, dtype=pl.Boolean, eager=True).alias("refused")
    if refused_places:
        refused = refused.scatter(sorted(refused_places), True)
    return Protected(_blanked(frame.with_columns(replaced), columns, refused), seals, refused)


def _tokens(
    kind: str,
    values: Sequence[str | None],
    places: Sequence[int],
    refused: set[int],
    tokeniser: Tokeniser,
) -> list[str | None]:
    prefix = PREFIXES[kind]
    # At steady state all of them are known: one look-up a value.
    tokens = [None if value is None else tokeniser.known(kind, value) for value in values]
    for at, value in enumerate(values):
        if value is None or tokens[at] is not None:
            continue
        is_done = value.startswith(prefix) and is_token(value)
        tokens[at] = value if is_done else _token_or_none(kind, value, tokeniser)
        if tokens[at] is None:
            refused.add(places[at])
    return tokens


def _token_or_none(kind: str, value: str, tokeniser: Tokeniser) -> str | None:
    if is_token(value):  # a token of another kind is a mix-up at the edge, not an identity
        return None
    try:
        return tokeniser.token(kind, value)
    except IdentityError:
        return None


def _new_seals(
    kind: str,
    values: Sequence[str | None],
    tokens: Sequence[str | None],
    sealer: Sealer,
    known: SealedTokens,
) -> list[tuple[str, bytes]]:
    return [
        (token, sealer.seal(token, kind, normalise(kind, value)))
        for value, token in zip(values, tokens, strict=True)
        if value is not None and token is not None and token != value and known.is_new(token)
    ]


def _blanked(frame: pl.DataFrame, columns: Sequence[str], rows: pl.Series) -> pl.DataFrame:
    """`frame` with null identities in `rows`, so that a refused row cannot leak by mistake."""
    if not rows.any():
        return frame
    keep = ~rows
    return frame.with_columns(
        pl.when(keep).then(pl.col(name)).otherwise(None).alias(name) for name in columns
    )
