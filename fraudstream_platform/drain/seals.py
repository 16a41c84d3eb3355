"""Records of the sealed topic as rows of the vault, each token once."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream_platform.lake.tables import VAULT, scan
from fraudstream_platform.settings import Settings

log = logging.getLogger(__name__)

Hashes = npt.NDArray[np.uint64]

_ROW = pl.Schema(
    {
        "entity_type": pl.String(),
        "token": pl.String(),
        "key_version": pl.Int32(),
        "sealed": pl.String(),
    }
)
_JSON = pl.Schema(
    {"kind": pl.String(), "token": pl.String(), "key_version": pl.Int32(), "sealed": pl.String()}
)


def read_vault_records(values: Sequence[bytes]) -> pl.DataFrame:
    """One row a value, in their order; all null (and logged) where a value is no seal.

    An empty value is a tombstone, which `vault forget` leaves: null, and nothing to log.
    """
    rows = _read_at_once(values)
    if rows is None:
        rows = pl.concat([_read_one(value) for value in values])
    whole = pl.all_horizontal(pl.col("*").is_not_null())
    lacking = rows.height - rows.select(whole.sum()).item()
    poor = lacking - sum(not value for value in values)
    if poor:
        log.error("%d records of the sealed topic are no seals; passed over", poor)
    if lacking:
        rows = rows.with_columns(pl.when(whole).then(pl.col(name)).alias(name) for name in _ROW)
    return rows


def _read_at_once(values: Sequence[bytes]) -> pl.DataFrame | None:
    try:
        rows = pl.read_ndjson(b"\n".join(values), schema=_JSON)
    except pl.exceptions.PolarsError:
        return None
    # A line break within a value, or an empty one, would shift every row behind it.
    if rows.height != len(values) or any(b"\n" in value for value in values):
        return None
    return rows.rename({"kind": "entity_type"})


def _read_one(value: bytes) -> pl.DataFrame:
    rows = _read_at_once([value])
    return rows if rows is not None else pl.DataFrame({name: [None] for name in _ROW}, schema=_ROW)


class KnownTokens:
    """Which tokens are in the vault or on their way to it, in 16 bytes a token.

    Two independent 64-bit hashes stand for a token, which is itself 128 bits of an HMAC: that two
    tokens share both is as unlikely as that they are the same.
    """

    def __init__(self, settings: Settings) -> None:
        tokens = scan(settings, VAULT).select("token").collect()["token"]
        self._runs = [_sorted(*_hashes(tokens))]
        """Sorted runs of hashes, each at least twice as long as the next: few to search and merge."""

    def only_new(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows whose token was not known, the first of each; from now on it is."""
        rows = rows.unique("token", keep="first", maintain_order=True)
        first, second = _hashes(rows["token"])
        new = ~self._has(first, second)
        self._add(_sorted(first[new], second[new]))
        return rows if new.all() else rows.filter(new)

    def _has(self, first: Hashes, second: Hashes) -> npt.NDArray[np.bool_]:
        found = np.zeros(first.shape, np.bool_)
        for firsts, seconds in self._runs:
            if len(firsts):
                places = np.minimum(np.searchsorted(firsts, first), len(firsts) - 1)
                found |= (firsts[places] == first) & (seconds[places] == second)
        return found

    def _add(self, run: tuple[Hashes, Hashes]) -> None:
        self._runs.append(run)
        while len(self._runs) > 1 and 2 * len(self._runs[-1][0]) > len(self._runs[-2][0]):
            (first, second), (late_first, late_second) = self._runs[-2:]
            self._runs[-2:] = [
                _sorted(np.concatenate((first, late_first)), np.concatenate((second, late_second)))
            ]


def _hashes(tokens: pl.Series) -> tuple[Hashes, Hashes]:
    return tokens.hash(seed=1).to_numpy(), tokens.hash(seed=2).to_numpy()


def _sorted(first: Hashes, second: Hashes) -> tuple[Hashes, Hashes]:
    order = np.argsort(first, kind="stable")  # quick on runs that are sorted already
    return first[order], second[order]
