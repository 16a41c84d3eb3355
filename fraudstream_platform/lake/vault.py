"""The vault's entries: found, forgotten, sealed anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from fraudstream_platform.lake.rewrite import delete_replaced, file_paths, rewrite_file
from fraudstream_platform.lake.tables import VAULT, scan, table_uri
from fraudstream_platform.protection.vault import Sealer
from fraudstream_platform.settings import Settings

FORGOTTEN = ""
"""What stands for the seal of a forgotten token: the token stays known, so it is not let in again."""

SEALED = {VAULT: "sealed", "bronze.dead_letter": "sealed_payload"}
"""Every column that holds seals, by table."""


def sealed_of(settings: Settings, token: str) -> str | None:
    """The seal of a token; FORGOTTEN where it was forgotten, None where there never was one."""
    rows = scan(settings, VAULT).filter(pl.col("token") == token).select("sealed").collect()
    return next(iter(rows["sealed"]), None)


def forget(settings: Settings, token: str) -> bool:
    """Put FORGOTTEN in place of a token's seal and delete the files that held it.

    False where no file held a seal of it. Repeating it finishes what a kill left undone.
    """
    is_token = pl.col("token") == token

    def change(rows: pl.DataFrame) -> pl.DataFrame | None:
        held = rows.filter(is_token, pl.col("sealed") != FORGOTTEN)
        sealed = pl.when(is_token).then(pl.lit(FORGOTTEN)).otherwise(pl.col("sealed"))
        return rows.with_columns(sealed.alias("sealed")) if held.height else None

    had = False
    while sealed_of(settings, token):  # a rotation may put the file elsewhere meanwhile
        for path in _files_with(settings, token):
            had |= rewrite_file(settings, VAULT, path, change)
    delete_replaced(settings, VAULT)
    return had


def reseal(settings: Settings, table: str, sealer: Sealer) -> Iterator[int]:
    """Seal anew, file by file, what an older key sealed; gives the seals renewed in each file.

    Files that hold none are passed over, so a repeat goes on where a kill ended it. Raises SealError,
    with the file untouched, where a seal opens under no key. At the end old files are deleted.
    """
    column = SEALED[table]
    for path in file_paths(settings, table):
        renewal = _Renewal(column, sealer)
        if rewrite_file(settings, table, path, renewal):
            yield renewal.count
    delete_replaced(settings, table)


def has_older_seals(settings: Settings, sealer: Sealer) -> bool:
    """Whether any table holds a seal that the newest key did not make, as of now."""
    return any(
        not _may_stay(seal, sealer)
        for table, column in SEALED.items()
        for path in file_paths(settings, table)
        for seal in pl.read_parquet(Path(table_uri(settings, table)) / path, columns=[column])[
            column
        ]
    )


class _Renewal:
    """The rows of one file with every seal under the newest key; `count` of them are new."""

    def __init__(self, column: str, sealer: Sealer) -> None:
        self._column = column
        self._sealer = sealer
        self.count = 0

    def __call__(self, rows: pl.DataFrame) -> pl.DataFrame | None:
        old = rows[self._column].to_list()
        new = [
            seal if _may_stay(seal, self._sealer) else self._sealer.resealed(seal) for seal in old
        ]
        self.count = sum(before != after for before, after in zip(old, new, strict=True))
        return rows.with_columns(pl.Series(self._column, new)) if self.count else None


def _may_stay(seal: str, sealer: Sealer) -> bool:
    return seal == FORGOTTEN or sealer.is_newest(seal)


def _files_with(settings: Settings, token: str) -> list[str]:
    """Paths of the vault's files that hold `token`, relative to the table."""
    root = Path(table_uri(settings, VAULT))
    files = [root / path for path in file_paths(settings, VAULT)]
    rows = pl.scan_parquet(files, include_file_paths="path").filter(pl.col("token") == token)
    found = rows.select("path").unique().collect()["path"]
    return [str(Path(path).relative_to(root)) for path in found]
