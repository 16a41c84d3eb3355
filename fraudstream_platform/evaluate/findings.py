"""The seam to patterns that are found in Silver over hours and days, not in one partition."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

import polars as pl

_SAME_SHARE = 0.5


class Finding(NamedTuple):
    """A group that a graph pattern found: merchant ids, or customers' (else cards') tokens."""

    pattern: str
    members: frozenset[str]


class DatedFinding(NamedTuple):
    """A finding with the moment of the refresh that first had it, epoch ms of event time."""

    finding: Finding
    at_ms: int


Finder = Callable[[pl.DataFrame], Iterable[Finding]]
"""Takes the Silver rows so far, returns every group that they show; called at each refresh."""


def no_findings(silver: pl.DataFrame) -> Iterable[Finding]:
    """Where only the detector's own patterns are measured."""
    return ()


def is_same(one: Finding, other: Finding) -> bool:
    """Whether two findings are one group that grew: half of the smaller one's members in both."""
    smaller = min(len(one.members), len(other.members))
    common = len(one.members & other.members)
    return one.pattern == other.pattern and common >= _SAME_SHARE * smaller


def is_about(finding: Finding, members: Collection[str]) -> bool:
    """Whether most of a finding's members are an attack's merchants or accounts."""
    common = len(finding.members.intersection(members))
    return common >= _SAME_SHARE * len(finding.members)
