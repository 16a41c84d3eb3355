"""The proof over the table: also where a file of it cannot be read any more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from fraudstream_platform.lake.audit_log import AuditLog, records_of
from fraudstream_platform.lake.rewrite import file_paths
from fraudstream_platform.lake.tables import AUDIT, AUDIT_SCHEMA, table_uri
from fraudstream_platform.protection.audit_proof import Anchors, Break, Proof, prove_chain
from fraudstream_platform.settings import Settings

_UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError)


def check_trail(settings: Settings, anchors: Anchors) -> Proof:
    """Prove the trail as it stands; a record that cannot be read is a break like any other."""
    try:
        rows = AuditLog(settings).frame()
    except _UNREADABLE:
        readable, problem = _readable(settings)
        return _prove_before(readable, problem, anchors)
    whole = rows.drop_nulls()
    if whole.height < rows.height:
        return _prove_before(whole, "the record has fields without a value", anchors)
    return prove_chain(records_of(rows), anchors)


def _prove_before(whole: pl.DataFrame, problem: str, anchors: Anchors) -> Proof:
    """The proof of the records before the first that is not there; then that one is the break."""
    known = set(whole["sequence"])
    first = next(number for number in range(1, len(known) + 2) if number not in known)
    before = whole.filter(pl.col("sequence") < first).sort("sequence")
    proof = prove_chain(records_of(before), {n: h for n, h in anchors.items() if n < first})
    return proof if proof.first_break else replace(proof, first_break=Break(first, problem))


def _readable(settings: Settings) -> tuple[pl.DataFrame, str]:
    """Rows of the files that can be read, and the first that cannot."""
    root = Path(table_uri(settings, AUDIT))
    frames: list[pl.DataFrame] = [AUDIT_SCHEMA.to_frame()]
    broken: list[str] = []
    for path in sorted(file_paths(settings, AUDIT)):
        try:
            frames.append(
                pl.read_parquet(root / path).cast(AUDIT_SCHEMA).select(list(AUDIT_SCHEMA))
            )
        except _UNREADABLE:
            broken.append(path)
    return pl.concat(frames).drop_nulls(), f"{root / broken[0] if broken else root} cannot be read"
