"""The seam to patterns that are found in Silver over hours and days, not in one partition."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import polars as pl

from fraudstream_platform.network.findings import Finding

_MOST = 0.5


class DatedFinding(NamedTuple):
    """A finding that was news, with the moment of its refresh, epoch ms of event time."""

    finding: Finding
    at_ms: int


Finder = Callable[[pl.DataFrame], Sequence[Finding]]
"""Takes the Silver rows so far, returns every group that they show; called at each refresh."""


def no_findings(silver: pl.DataFrame) -> Sequence[Finding]:
    """Where only the detector's own patterns are measured."""
    return ()


def is_about(finding: Finding, members: Collection[str]) -> bool:
    """Whether most of a finding's members are an attack's merchants or accounts."""
    common = len(set(finding.members).intersection(members))
    return common >= _MOST * len(finding.members)
