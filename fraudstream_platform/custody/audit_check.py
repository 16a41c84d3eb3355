"""The proof over the table: also where a file of it cannot be read any more."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from fraudstream_platform.lake.audit_log import AuditLog
from fraudstream_platform.lake.rewrite import file_paths
from fraudstream_platform.lake.tables import AUDIT, table_uri
from fraudstream_platform.protection.audit_proof import Anchors, Break, Proof, prove_chain
from fraudstream_platform.settings import Settings


def check_trail(settings: Settings, anchors: Anchors) -> Proof:
    """Prove the trail as it stands; a file that cannot be read is a break, named with its place."""
    try:
        records = list(AuditLog(settings).records())
    except (pl.exceptions.PolarsError, OSError, ValueError):
        unreadable = _first_unreadable(settings)
        if unreadable is None:
            raise
        return unreadable
    return prove_chain(records, anchors)


def _first_unreadable(settings: Settings) -> Proof | None:
    """A proof of the records in the files before the first that cannot be read."""
    root = Path(table_uri(settings, AUDIT))
    readable: list[int] = []
    broken: list[str] = []
    for path in sorted(file_paths(settings, AUDIT)):
        try:
            readable.extend(pl.read_parquet(root / path, columns=["sequence"])["sequence"])
            pl.read_parquet(root / path)
        except (pl.exceptions.PolarsError, OSError, ValueError):
            broken.append(path)
    if not broken:
        return None
    known = set(readable)
    first = next(number for number in range(1, len(known) + 2) if number not in known)
    return Proof(first - 1, 0, Break(first, f"{root / broken[0]} cannot be read"))
