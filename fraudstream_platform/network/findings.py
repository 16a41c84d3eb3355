"""What the network patterns find: groups, each with a score and reasons."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Literal, NamedTuple

Pattern = Literal["merchant_collusion", "synthetic_identity"]

_NAMESPACE = uuid.UUID("e3b5a8c1-6f0d-5b7e-8c24-9d1f7a40b362")
_SAME = 0.5
"""Share of the smaller group's members from which two findings are the same group."""


class Reason(NamedTuple):
    """Why: a stable code, a sentence with numbers, the value, what is usual, window, entity."""

    code: str
    text: str
    value: float
    usual: float | None
    window_s: int | None
    entity: str


@dataclass(frozen=True)
class Finding:
    """A suspicious group. `members` are merchant ids, or customers' (else cards') tokens, sorted."""

    pattern: Pattern
    members: tuple[str, ...]
    score: int
    reasons: tuple[Reason, ...]
    newest: tuple[int, int]
    """Partition and offset of the group's newest transaction."""
    transactions: int

    @property
    def key(self) -> str:
        """Names the group as it is now; a later, larger one is recognised by its members."""
        return str(uuid.uuid5(_NAMESPACE, "|".join((self.pattern, *self.members))))

    def is_same_group(self, pattern: str, members: tuple[str, ...] | list[str]) -> bool:
        """True where half of the smaller group's members are in both."""
        if pattern != self.pattern:
            return False
        common = len(set(self.members) & set(members))
        return common >= _SAME * min(len(self.members), len(members))


def strongest_of_each_group(findings: list[Finding]) -> list[Finding]:
    """Findings by falling score, without those that are a group found with a higher score."""
    kept: list[Finding] = []
    for finding in sorted(findings, key=lambda one: (-one.score, one.key)):
        if not any(finding.is_same_group(one.pattern, one.members) for one in kept):
            kept.append(finding)
    return kept
