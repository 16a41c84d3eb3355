"""Audit records: each carries the hash of the one before, so that none can be changed quietly.

A record's hash is SHA-256 over its canonical text: RFC 8785 (JSON Canonicalization Scheme) of all its
fields but the hash. docs/security.md has a worked example.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace

from fraudstream_platform.errors import UserError
from fraudstream_platform.protection.text_guard import hides_identity

GENESIS = "0" * 64
"""What the first record carries as the hash of the one before."""

_FIELDS = ("who", "what", "outcome", "origin", "resource", "detail")
_FREE_TEXT = ("resource", "detail")


class UnsafeTextError(UserError):
    """A text of an event holds a card number, an e-mail address or a telephone number."""

    def __init__(self, field: str) -> None:
        super().__init__(f"{field} holds a card number, an e-mail address or a telephone number")


@dataclass(frozen=True)
class AuditEvent:
    """Who did what to which resource, from where, and how it ended.

    `what` is a dotted name such as `vault.reveal`; `outcome` is begun, done, failed or refused;
    `detail` says why, or what changed. Raises UnsafeTextError where either of the last two holds an
    identity.
    """

    who: str
    what: str
    outcome: str
    origin: str
    resource: str = ""
    detail: str = ""

    def __post_init__(self) -> None:
        for field in _FREE_TEXT:
            if hides_identity(getattr(self, field)):
                raise UnsafeTextError(field)


@dataclass(frozen=True)
class AuditRecord:
    """An event in its place in the chain. `sequence` counts from 1, `at` is epoch ms."""

    sequence: int
    at: int
    who: str
    what: str
    outcome: str
    origin: str
    resource: str
    detail: str
    previous: str
    hash: str

    @property
    def head(self) -> Head:
        """What the next record has to know of this one."""
        return Head(self.sequence, self.at, self.hash)


@dataclass(frozen=True)
class Head:
    """The newest record's place, time (epoch ms) and hash."""

    sequence: int = 0
    at: int = 0
    hash: str = GENESIS


def chained(event: AuditEvent, head: Head, now_ms: int) -> AuditRecord:
    """The record that follows `head`; its time is never before the head's, since clocks go back."""
    bare = AuditRecord(
        sequence=head.sequence + 1,
        at=max(now_ms, head.at),
        **{name: getattr(event, name) for name in _FIELDS},
        previous=head.hash,
        hash="",
    )
    return replace(bare, hash=record_hash(bare))


def record_hash(record: AuditRecord) -> str:
    """SHA-256 of the record's canonical bytes, in hex."""
    return hashlib.sha256(canonical_bytes(record)).hexdigest()


def canonical_bytes(record: AuditRecord) -> bytes:
    """What is hashed: RFC 8785 of all fields but `hash`, in UTF-8."""
    fields = asdict(record)
    del fields["hash"]
    # Of strings and whole numbers below 2**53 under ASCII names, this is RFC 8785 to the byte. A lone
    # surrogate, which the RFC refuses, is a UnicodeEncodeError.
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()
