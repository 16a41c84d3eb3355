"""Both network patterns over one Silver frame: what evaluation calls, and what profiles hold."""

from __future__ import annotations

import polars as pl

from fraudstream_platform.network.collusion import find_collusion
from fraudstream_platform.network.findings import Finding
from fraudstream_platform.network.identities import find_identities
from fraudstream_platform.network.rules import NETWORK_RULES, NetworkRules


def find(silver: pl.DataFrame, rules: NetworkRules = NETWORK_RULES) -> list[Finding]:
    """Groups among Silver rows up to the newest one; each window ends with it."""
    return [
        *find_collusion(silver, rules).findings,
        *find_identities(silver, rules).findings,
    ]
