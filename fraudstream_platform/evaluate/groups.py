"""The network patterns as evaluation sees them: groups among the Silver rows so far."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from fraudstream_platform.evaluate.findings import Finding
from fraudstream_platform.network.find import find


def find_groups(silver: pl.DataFrame) -> Iterable[Finding]:
    """Every group that a refresh now would tell of."""
    return [Finding(found.pattern, frozenset(found.members)) for found in find(silver)]
