"""Which hours may be rebuilt: sealed ones, of which everything that they were made of is kept."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

import polars as pl

from fraudstream_platform.drain.bronze_steps import hours_upto
from fraudstream_platform.drain.positions import Positions
from fraudstream_platform.drain.sealed import committed_soon, is_past, read_standings
from fraudstream_platform.drain.touches import touches_are_kept
from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.hours import hour_end_ms
from fraudstream_platform.lake.promote import refuse_other_rules, refuse_promoted
from fraudstream_platform.lake.promoted import LIVE
from fraudstream_platform.lake.tables import HOUR, scan
from fraudstream_platform.settings import Settings

_COMMIT_PATIENCE_S = 30.0


class HourRefusedError(UserError):
    """The hour cannot be rebuilt as things are; nothing was changed."""


class HourNotSealedError(HourRefusedError):
    """The hour may still get rows: a live append after a replacement would double it."""


class HourWithoutBronzeError(HourRefusedError):
    """Bronze has no row of the hour: a rebuild would replace what the tables hold by nothing."""


def refuse_shown(
    settings: Settings, hours: Sequence[str], candidate: str, rules_version: str
) -> None:
    """Raise HourRefusedError where readers would see rows change that nobody has promoted."""
    try:
        refuse_promoted(settings, candidate, hours)
        if candidate == LIVE:
            refuse_other_rules(settings, hours, rules_version)
    except UserError as error:
        raise HourRefusedError(str(error)) from None


def refuse_unfinished(hour: str, now_ms: float) -> None:
    """Raise HourNotSealedError where `hour` has not ended by `now_ms` (epoch ms)."""
    if now_ms < hour_end_ms(hour):
        raise HourNotSealedError(
            f"hour {hour} (UTC) is not over yet and still gets rows: rebuild earlier hours now, and "
            "this one when it is over and the next hour's first window drains"
        )


def refuse_unsealed(settings: Settings, hour: str) -> None:
    """Raise HourNotSealedError unless every group is past `hour`, and all of it is committed."""
    refuse_unfinished(hour, time.time() * 1000)
    end_ms = hour_end_ms(hour)
    flushed: Positions = {}
    for group, standing in enumerate(read_standings(settings)):
        if standing is None or not is_past(standing, end_ms):
            raise HourNotSealedError(
                f"hour {hour} (UTC) is not sealed: group {group} has not journaled past its "
                "end; let the drain sensor run a window of a later hour (`fraudstream up`), "
                "then try again"
            )
        flushed.update(standing.flushed)
    if not committed_soon(settings, flushed, _COMMIT_PATIENCE_S):
        raise HourNotSealedError(
            f"hour {hour} (UTC) is not sealed: what was journaled {_COMMIT_PATIENCE_S:.0f} s ago is "
            "not in every table yet; see that a drain run is running, then try again"
        )


def refuse_without_touches(settings: Settings, hour: str) -> None:
    """Raise HourNotSealedError unless the table has what was told up to the hour's last record."""
    moments = scan(settings, "bronze.transactions").filter(pl.col(HOUR) == hour)
    last = moments.select(pl.col("append_time").dt.epoch("ms").max()).collect().item()
    deadline = time.monotonic() + _COMMIT_PATIENCE_S
    while last is not None and not touches_are_kept(settings, last):
        if time.monotonic() > deadline:
            raise HourNotSealedError(
                f"hour {hour} (UTC) lacks what tasks told each other in it: see that a drain run is "
                "running, which brings it into silver.entity_touches, then try again"
            )
        time.sleep(0.5)


def refuse_without_bronze(settings: Settings, hours: Iterable[str]) -> None:
    """Raise HourWithoutBronzeError where Bronze has nothing to rebuild one of `hours` from."""
    asked = sorted(hours)
    missing = sorted(set(asked) - set(hours_upto(settings, asked[-1])))
    if missing:
        raise HourWithoutBronzeError(
            f"bronze.transactions has no row of hour {missing[0]} (UTC), so nothing can be rebuilt "
            "from it: leave that hour out"
        )
