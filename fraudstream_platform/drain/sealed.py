"""Which hours are sealed: no group can journal rows of them any more, and all tables have theirs."""

from __future__ import annotations

import time
from collections.abc import Sequence

from fraudstream_platform.drain.committer import committed_positions
from fraudstream_platform.drain.journal import JournalReader
from fraudstream_platform.drain.positions import Positions, covers
from fraudstream_platform.drain.resume import Standing, read_standing
from fraudstream_platform.lake.hours import hour_end_ms
from fraudstream_platform.settings import Settings


def read_standings(settings: Settings) -> list[Standing | None]:
    """Where each group stands, by its number; None for one that nobody ever owned."""
    journal = JournalReader(settings)
    try:
        return [read_standing(journal, group) for group in range(settings.drain_groups)]
    finally:
        journal.close()


def is_past(standing: Standing, end_ms: int) -> bool:
    """True where a group can journal no more rows of an hour that ends at `end_ms`.

    A window that ended before the hour did may be followed by one that begins where it ended.
    """
    return standing.term.window >= end_ms or (standing.is_final and standing.stop >= end_ms)


def sealed_hours(
    hours: Sequence[str], standings: Sequence[Standing | None], now_ms: int
) -> list[str]:
    """Those of `hours` that are over and that every group is past."""
    known = [standing for standing in standings if standing is not None]
    if not known or len(known) < len(standings):
        return []
    return [
        hour
        for hour in hours
        if (end_ms := hour_end_ms(hour)) <= now_ms and all(is_past(one, end_ms) for one in known)
    ]


def committed_soon(settings: Settings, flushed: Positions, patience_s: float) -> bool:
    """True once all tables have passed what was journaled: a live stream journals on meanwhile."""
    deadline = time.monotonic() + patience_s
    while True:
        committed = committed_positions(settings, sorted(flushed))
        if committed is not None and covers(committed, flushed):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
