"""Ordinary accounts and look-alikes that were bothered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

DAY_MS = 86_400_000
Keys = NDArray[np.int64]
_DAYS = 1 << 20
"""More days than any world has, so that account and day make one number."""


def account_days(account: NDArray[np.integer], time_ms: NDArray[np.int64]) -> Keys:
    """Distinct (account, UTC day) as sorted numbers; accounts below 0 are left out."""
    known = account >= 0
    days = time_ms[known] // DAY_MS
    return np.unique(account[known].astype(np.int64) * _DAYS + days)


class Span(NamedTuple):
    """An account under attack, first to last fraudulent transaction, epoch ms."""

    account: int
    first_ms: int
    last_ms: int


def attacked_days(spans: Iterable[Span]) -> Keys:
    """(account, day) of every day of an attack and the day after it, which are nobody's false alarm."""
    keys = [
        span.account * _DAYS + day
        for span in spans
        for day in range(span.first_ms // DAY_MS, span.last_ms // DAY_MS + 2)
    ]
    return np.unique(np.array(keys, np.int64))


class Bothered(NamedTuple):
    """Account-days of ordinary accounts with a transaction, and those of them with an alert."""

    alerted: int
    account_days: int


def bothered(active: Keys, alerted: Keys, attacked: Keys) -> Bothered:
    """Count account-days; both counts leave out the days under attack."""
    genuine = np.setdiff1d(active, attacked, assume_unique=True)
    return Bothered(int(np.isin(genuine, alerted).sum()), int(genuine.shape[0]))


class Episode(NamedTuple):
    """A stretch of ordinary life that looks like an attack."""

    kind: str
    account: int
    at_ms: int


def look_alikes(
    episodes: Iterable[Episode],
    alert_account: NDArray[np.integer],
    alert_ms: NDArray[np.int64],
    spans: Iterable[Span],
) -> dict[str, tuple[int, int]]:
    """Kind -> (alerted, entity-days).

    An entity-day is the 24 h from an episode's time; episodes of one kind that begin on the same
    day of the account are one. Accounts under attack meanwhile are left out. The alerts are those
    on transactions that are not fraudulent.
    """
    under: dict[int, list[Span]] = {}
    for span in spans:
        under.setdefault(span.account, []).append(span)
    times: dict[int, list[int]] = {}
    for account, at in zip(alert_account.tolist(), alert_ms.tolist(), strict=True):
        times.setdefault(account, []).append(at)
    found: dict[str, tuple[int, int]] = {}
    seen: set[tuple[str, int, int]] = set()
    for kind, account, at in episodes:
        key = (kind, account, at // DAY_MS)
        end = at + DAY_MS
        attacks = under.get(account, ())
        if key in seen or any(s.first_ms < end and at < s.last_ms + DAY_MS for s in attacks):
            continue
        seen.add(key)
        hits, days = found.get(kind, (0, 0))
        hit = any(at <= one < end for one in times.get(account, ()))
        found[kind] = (hits + hit, days + 1)
    return found
