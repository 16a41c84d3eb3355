"""Which findings are news: those of groups that nobody was told of, as far back as is remembered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from fraudstream_platform.network.findings import Finding

REMEMBERED_DAYS = 21
"""From when a group was last seen: three times the seven days that a case of a group slides."""
_DAY_MS = 86_400_000
_SEEN_AGAIN_MS = _DAY_MS


@dataclass(frozen=True)
class Told:
    """A group that an alert told of, and what has joined it since. Times are epoch ms."""

    key: str
    pattern: str
    members: tuple[str, ...]
    told_at: int
    seen_at: int

    def to_bytes(self) -> bytes:
        """The record's value."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()


def told_from(value: bytes) -> Told:
    """Read what `to_bytes` wrote."""
    raw = json.loads(value)
    return Told(**raw | {"members": tuple(raw["members"])})


@dataclass(frozen=True)
class News:
    """What is new to the memory: findings to tell of, and what is to be remembered."""

    findings: list[Finding]
    records: list[Told]


def news_of(findings: Sequence[Finding], told: Sequence[Told], now_ms: int) -> News:
    """Findings that nobody was told of; known groups are noted as seen once a day."""
    since = now_ms - REMEMBERED_DAYS * _DAY_MS
    known = {one.key: one for one in told if one.seen_at >= since}
    fresh: list[Finding] = []
    records: dict[str, Told] = {}
    for finding in findings:
        same = [one for one in known.values() if _is_known(finding, one)]
        if not same:
            fresh.append(finding)
            same = [Told(finding.key, finding.pattern, (), now_ms, 0)]
        for one in same:
            if now_ms - one.seen_at >= _SEEN_AGAIN_MS or one.key in records:
                members = tuple(sorted({*one.members, *finding.members}))
                known[one.key] = records[one.key] = replace(one, members=members, seen_at=now_ms)
    return News(fresh, list(records.values()))


def _is_known(finding: Finding, told: Told) -> bool:
    """Whether most of the finding's members were told of.

    Of the finding's, not of the smaller group's: new merchants of a ring are news, though two of
    its shops served an earlier and smaller one.
    """
    common = len(set(finding.members) & set(told.members))
    return finding.pattern == told.pattern and 2 * common > len(finding.members)
