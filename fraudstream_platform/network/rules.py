"""Parameters of the network patterns, under one version that travels in their alerts."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property

HOUR_S = 3_600
DAY_S = 24 * HOUR_S


@dataclass(frozen=True)
class NetworkRules:
    """What decides whether a group is suspicious. Times in seconds; surprise is -log10 of a chance."""

    name: str = "network"

    # Merchant collusion.
    windows_s: tuple[int, ...] = (DAY_S, 3 * DAY_S, 14 * DAY_S)
    sites: int = 3
    """Merchants of one place or one chain are one site."""
    customers: int = 8
    transactions: int = 24
    shared: int = 3
    """Customers that two merchants share before the pair is looked at."""
    pair_lift: float = 2.0
    pair_surprise: float = 2.5
    odd_lift: float = 1.5
    odd_surprise: float = 0.7
    """The same among merchants that are odd already."""
    group_surprise: float = 4.0
    group_lift: float = 2.5
    corroboration: float = 3.0
    """Surprise from which a second kind of evidence counts as one."""
    evidence: float = 6.0
    """All surprises together, less what the choice among all groups of merchants gives away."""

    # Synthetic identity.
    identity_window_s: int = 45 * DAY_S
    identities: int = 5
    kinds: int = 2
    hub: int = 20
    """An identifier of more customers than this links nobody: a call centre, a proxy, a default."""
    young_days: int = 240
    largest: int = 60

    # Scoring, 0 to 1000.
    review_score: int = 600

    @cached_property
    def version(self) -> str:
        """Name and content: two rule sets that decide alike are called alike."""
        text = json.dumps(asdict(self), sort_keys=True)
        return f"{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


NETWORK_RULES = NetworkRules()
