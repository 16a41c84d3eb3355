"""Finds the first broken link of an audit chain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fraudstream_platform.protection.audit import GENESIS, AuditRecord, record_hash

Anchors = Mapping[int, str]
"""Hashes of records that were told to a place of their own, by sequence."""


@dataclass(frozen=True)
class Break:
    """Where a chain is broken first, by the sequence of the record, and how."""

    sequence: int
    problem: str


@dataclass(frozen=True)
class Proof:
    """Of how many records a chain is, how many of its anchors agree, and its first break."""

    records: int
    anchors: int
    first_break: Break | None


def prove_chain(records: Iterable[AuditRecord], anchors: Anchors, first: int = 1) -> Proof:
    """Check every record, in the order of their sequences, against the one before and the anchors.

    Records before `first` are not looked at: what that one follows is taken as it says.
    """
    previous, expected, agreeing = GENESIS, first, 0
    for record in records:
        if record.sequence < first:
            continue
        if record.sequence == first > 1:
            previous = record.previous
        problem = _problem(record, expected, previous, anchors)
        if problem is not None:
            return Proof(expected - first, agreeing, problem)
        agreeing += expected in anchors
        previous, expected = record.hash, expected + 1
    newest = max(anchors, default=0)
    cut = None
    if newest >= expected:
        cut = Break(
            expected,
            f"the tail is cut off: record {newest} is anchored, the last is {expected - 1}",
        )
    return Proof(expected - first, agreeing, cut)


def _problem(record: AuditRecord, expected: int, previous: str, anchors: Anchors) -> Break | None:
    if record.sequence > expected:
        last = record.sequence - 1
        which = f"record {expected} is" if last == expected else f"records {expected}-{last} are"
        return Break(expected, f"{which} missing")
    if record.sequence < expected:
        return Break(record.sequence, "there is more than one record of this number")
    if record_hash(record) != record.hash:
        return Break(expected, "the record is not what its hash was made of")
    if record.previous != previous:
        return Break(expected, "the record does not carry the hash of the one before")
    if anchors.get(expected, record.hash) != record.hash:
        return Break(expected, "the record is not the one that was anchored")
    return None
