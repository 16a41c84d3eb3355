"""Which hours a call of `fraudstream rebuild` has to rebuild: pure decisions."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.hours import FORMAT, hour_start

_SPELLED = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}")


@dataclass(frozen=True)
class RebuildPlan:
    """Asked hours, each in one of three lists, the oldest first."""

    due: Sequence[str]
    done: Sequence[str]
    """Rebuilt by this version already."""
    empty: Sequence[str]
    """Without a row in Bronze."""


def hours_between(first: str, last: str) -> list[str]:
    """Every hour from `first` to `last`, both included, as YYYY-MM-DDTHH; raises UserError."""
    start, end = _hour(first), _hour(last)
    if end < start:
        raise UserError(f"--from {first} is later than --to {last}: exchange the two")
    count = (end - start) // timedelta(hours=1) + 1
    return [(start + timedelta(hours=one)).strftime(FORMAT) for one in range(count)]


def plan_rebuild(
    asked: Sequence[str], in_bronze: Collection[str], done: Collection[str], *, again: bool
) -> RebuildPlan:
    """Sort out the hours; with `again`, those that are done are due all the same."""
    held = [hour for hour in asked if hour in in_bronze]
    left_out = [] if again else [hour for hour in held if hour in done]
    return RebuildPlan(
        due=[hour for hour in held if hour not in left_out],
        done=left_out,
        empty=[hour for hour in asked if hour not in in_bronze],
    )


def _hour(text: str) -> datetime:
    try:
        if _SPELLED.fullmatch(text):
            return hour_start(text)
    except ValueError:
        pass
    raise UserError(f"{text!r} is no hour: write it in UTC as 2026-11-28T09")
