"""The chain of audit records: what a record's hash is made of, and what breaks first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from fraudstream_platform.protection.audit import (
    GENESIS,
    AuditEvent,
    AuditRecord,
    Head,
    UnsafeTextError,
    canonical_bytes,
    chained,
    record_hash,
)
from fraudstream_platform.protection.audit_proof import prove_chain
from fraudstream_platform.settings import PROJECT_ROOT

pytestmark = pytest.mark.unit


def chain(count: int) -> list[AuditRecord]:
    records: list[AuditRecord] = []
    head = Head()
    for number in range(count):
        event = AuditEvent("ann", "rebuild", "done", "host fraudstream 1", f"hour {number}")
        records.append(chained(event, head, 1_000 + number))
        head = records[-1].head
    return records


def swapped(records: list[AuditRecord]) -> list[AuditRecord]:
    """Records 3 and 4 in each other's places, with the numbers of the places."""
    third, fourth = records[2], records[3]
    return [
        *records[:2],
        replace(fourth, sequence=3),
        replace(third, sequence=4),
        *records[4:],
    ]


def resealed(records: list[AuditRecord]) -> list[AuditRecord]:
    """Record 4 changed by somebody who makes its hash anew, and all that follow too."""
    made = list(records[:3])
    for record in records[3:]:
        previous = made[-1].hash
        bare = replace(record, previous=previous, who="eve" if record.sequence == 4 else record.who)
        made.append(replace(bare, hash=record_hash(bare)))
    return made


TAMPERED: dict[str, tuple[Callable[[list[AuditRecord]], list[AuditRecord]], int, str]] = {
    "a byte changed": (
        lambda r: [replace(one, who="ane") if one.sequence == 4 else one for one in r],
        4,
        "not what its hash",
    ),
    "a time changed": (
        lambda r: [replace(one, at=one.at + 1) if one.sequence == 1 else one for one in r],
        1,
        "not what its hash",
    ),
    "a row removed": (lambda r: [one for one in r if one.sequence != 4], 4, "record 4 is missing"),
    "three rows removed": (lambda r: r[:1] + r[4:], 2, "records 2-4 are missing"),
    "two rows swapped": (swapped, 3, "not what its hash"),
    "a row doubled": (lambda r: [*r[:4], *r[3:]], 4, "more than one record"),
    "a row hashed anew": (
        lambda r: [*r[:3], *resealed(r)[3:4], *r[4:]],
        5,
        "does not carry the hash",
    ),
    "all rows hashed anew behind an anchor": (resealed, 6, "not the one that was anchored"),
    "the tail cut off below the anchor": (lambda r: r[:4], 5, "record 6 is anchored"),
    "everything removed": (lambda r: [], 1, "record 6 is anchored"),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_the_first_broken_link_is_named(how: str) -> None:
    """A trail that can be changed quietly proves nothing."""
    tamper, sequence, problem = TAMPERED[how]
    records = chain(8)
    proof = prove_chain(tamper(records), {6: records[5].hash})
    assert proof.first_break is not None
    assert proof.first_break.sequence == sequence
    assert problem in proof.first_break.problem
    assert proof.records == sequence - 1 or how == "a row doubled"


def test_a_whole_chain_is_whole_with_the_anchors_that_agree() -> None:
    """A proof that cries wolf is switched off."""
    records = chain(8)
    proof = prove_chain(records, {3: records[2].hash, 8: records[7].hash})
    assert (proof.records, proof.anchors, proof.first_break) == (8, 2, None)
    assert prove_chain([], {}).first_break is None


def test_the_worked_example_of_the_documentation_is_what_the_code_does() -> None:
    """Whoever verifies a trail with a program of their own goes by that page."""
    event = AuditEvent(
        "ann", "vault.reveal", "allowed", "host fraudstream 7", "ca1_x", "masked: né"
    )
    record = chained(event, Head(), 1_767_225_600_000)
    page = (PROJECT_ROOT / "docs" / "security.md").read_text()
    assert record.previous == GENESIS
    assert canonical_bytes(record).decode() in page
    assert record.hash in page


def test_a_clock_set_back_never_orders_records_backwards() -> None:
    """The newest hour of the table would no longer hold the head."""
    head = Head(3, 5_000, "0" * 64)
    assert chained(AuditEvent("ann", "reset", "done", "here"), head, 1_000).at == 5_000


@pytest.mark.parametrize("text", ["call +4915112345678", "of jane@mail.example"])
def test_an_event_holds_no_identity(text: str) -> None:
    """A reason typed in by a person would keep for years what `vault forget` is to shred."""
    with pytest.raises(UnsafeTextError, match="detail holds"):
        AuditEvent("ann", "vault.reveal", "allowed", "here", "ca1_x", text)
