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
    """One row a value, in their order; all null (and logged) where a value is no seal."""
    rows = _read_at_once(values)
    if rows is None:
        rows = pl.concat([_read_one(value) for value in values])
    whole = pl.all_horizontal(pl.col("*").is_not_null())
    poor = rows.height - rows.select(whole.sum()).item()
    if poor:
        log.error("%d records of the sealed topic are no seals; passed over", poor)
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
    """Which tokens are in the vault, in 8 bytes a token; a hash met again is looked up exactly."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        hashes = scan(settings, VAULT).select(pl.col("token").hash()).collect()["token"]
        self._runs = [np.sort(hashes.to_numpy())]
        """Sorted runs of hashes, each at least twice as long as the next: few to search and merge."""

    def only_new(self, rows: pl.DataFrame, pending: Sequence[pl.DataFrame]) -> pl.DataFrame:
        """Rows whose token is neither in the table nor among `pending` ones, the first of each."""
        rows = rows.unique("token", keep="first", maintain_order=True)
        hashes = rows["token"].hash().to_numpy()
        seen = pl.Series(self._has(hashes))
        if seen.any():
            stored = self._stored(rows["token"].filter(seen), pending)
            rows = rows.filter(~pl.col("token").is_in(stored.implode()))
        self._add(hashes)
        return rows

    def _has(self, hashes: Hashes) -> npt.NDArray[np.bool_]:
        found = np.zeros(hashes.shape, np.bool_)
        for run in self._runs:
            if len(run):
                places = np.searchsorted(run, hashes)
                found |= run[np.minimum(places, len(run) - 1)] == hashes
        return found

    def _add(self, hashes: Hashes) -> None:
        self._runs.append(np.sort(hashes))
        while len(self._runs) > 1 and 2 * len(self._runs[-1]) > len(self._runs[-2]):
            last = self._runs.pop()
            self._runs[-1] = np.sort(np.concatenate((self._runs[-1], last)), kind="stable")

    def _stored(self, tokens: pl.Series, pending: Sequence[pl.DataFrame]) -> pl.Series:
        in_table = scan(self._settings, VAULT).select("token")
        found = in_table.filter(pl.col("token").is_in(tokens.implode())).collect()["token"]
        return pl.concat([found, *(frame["token"] for frame in pending)])
