"""The proof over the table: also where a file of it cannot be read any more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from fraudstream_platform.lake.audit_log import AuditLog, records_of
from fraudstream_platform.lake.audit_trail import archive_files
from fraudstream_platform.lake.rewrite import file_paths
from fraudstream_platform.lake.tables import AUDIT, AUDIT_SCHEMA, table_uri
from fraudstream_platform.protection.audit_proof import Anchors, Break, Proof, prove_chain
from fraudstream_platform.settings import Settings

_UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError)


def check_trail(settings: Settings, anchors: Anchors, first: int = 1) -> Proof:
    """Prove the trail from record `first` on; one that cannot be read is a break like any other."""
    try:
        rows = AuditLog(settings).frame()
    except _UNREADABLE:
        readable, problem = _readable(settings)
        return _prove_before(readable, problem, anchors, first)
    whole = rows.drop_nulls()
    if whole.height < rows.height:
        return _prove_before(whole, "the record has fields without a value", anchors, first)
    return prove_chain(records_of(rows), anchors, first)


def _prove_before(whole: pl.DataFrame, problem: str, anchors: Anchors, first: int) -> Proof:
    """The proof of the records before the first that is not there; then that one is the break."""
    known = set(whole["sequence"])
    missing = next(n for n in range(first, first + len(known) + 1) if n not in known)
    before = whole.filter(pl.col("sequence") < missing).sort("sequence")
    older = {number: told for number, told in anchors.items() if number < missing}
    proof = prove_chain(records_of(before), older, first)
    return proof if proof.first_break else replace(proof, first_break=Break(missing, problem))


def _readable(settings: Settings) -> tuple[pl.DataFrame, str]:
    """Rows of the files that can be read, and the first that cannot."""
    root = Path(table_uri(settings, AUDIT))
    frames: list[pl.DataFrame] = [AUDIT_SCHEMA.to_frame()]
    broken: list[Path] = []
    held = [root / path for path in sorted(file_paths(settings, AUDIT))]
    for path in [*archive_files(settings), *held]:
        try:
            frames.append(pl.read_parquet(path).cast(AUDIT_SCHEMA).select(list(AUDIT_SCHEMA)))
        except _UNREADABLE:
            broken.append(path)
    readable = pl.concat(frames).drop_nulls().unique()
    return readable, f"{broken[0] if broken else root} cannot be read"
