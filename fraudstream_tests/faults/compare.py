"""Rows of tables beside the rows that they shall be."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

import polars as pl

from fraudstream_tests.faults.expected import DEAD, FEATURES, QUARANTINE, Place, Row


def differences(
    table: str,
    expected: Mapping[Place, Row],
    found: pl.DataFrame,
    opened: Callable[[str], bytes],
) -> Iterable[str]:
    """What is missing, there twice, or has another value; `opened` opens a sealed payload."""
    left = dict(expected)
    for row in found.iter_rows(named=True):
        place = (row["partition"], row["offset"])
        want = left.pop(place, None)
        if want is None:
            yield f"{place} is there twice, or should not be"
            continue
        if table == DEAD:
            row["sealed_payload"] = opened(row["sealed_payload"])
        if table == QUARANTINE:
            row["failed_rules"] = sorted(row["failed_rules"])
        if table == FEATURES:  # the oracle has some that the catalogue does not declare
            want = {name: value for name, value in want.items() if name in row}
        for name, value in want.items():
            if not _alike(table, name, value, row[name]):
                yield f"{place} {name}: {row[name]!r} for {value!r}"
        if not _is_hour(row):
            yield f"{place}: hour {row['hour']} for {row['append_time']}"
    yield from (f"{place} is missing" for place in left)


def unlike(replayed: pl.DataFrame, found: pl.DataFrame) -> Iterable[str]:
    """Columns in which the table's rows differ from the replay's, in any bit."""
    if not replayed.height and not found.height:
        return
    want = replayed.sort("partition", "offset")
    found = found.sort("partition", "offset")
    if want.height != found.height:
        yield f"{found.height} rows for {want.height}"
        return
    for name in want.columns:
        got = found[name].cast(want[name].dtype)
        differ = want[name].ne_missing(got).arg_true().to_list()
        if differ:
            place = (found["partition"][differ[0]], found["offset"][differ[0]])
            yield f"{name} at {place}: {got[differ[0]]} for {want[name][differ[0]]}"


def unlike_alerts(
    expected: Mapping[Place, Row], found: Mapping[Place, Row], *, to_the_bit: bool
) -> Iterable[str]:
    """Alerts that are missing, not to be there, or of another value; both by their rows' places.

    Else than `to_the_bit`, reasons may differ in the last digits of their numbers.
    """
    for place, got in found.items():
        want = expected.get(place)
        if want is None:
            yield f"{place}: {got['patterns']} is not to be alerted"
            continue
        for name, value in want.items():
            is_near = name == "reasons" and not to_the_bit and _near(value, got[name])
            if value != got[name] and not is_near:
                yield f"{place} {name}: {got[name]!r} for {value!r}"
    yield from (f"{place} has no alert" for place in expected if place not in found)


def _near(want: list[Row], got: list[Row]) -> bool:
    """Reasons agree in everything that `want` has, numbers up to their last digits."""
    if len(want) != len(got):
        return False
    pairs = [
        (value, there[name])
        for one, there in zip(want, got, strict=True)
        for name, value in one.items()
    ]
    return all(
        math.isclose(value, there, rel_tol=1e-9, abs_tol=1e-9)
        if isinstance(value, float) and there is not None
        else value == there
        for value, there in pairs
    )


def _alike(table: str, name: str, want: Any, got: Any) -> bool:
    if table == FEATURES and isinstance(want, float) and got is not None:
        return math.isclose(got, want, rel_tol=1e-9, abs_tol=1e-9)
    if name == "quality_score":
        return math.isclose(got, want, abs_tol=1e-6)
    return bool(got == want)


def _is_hour(row: Row) -> bool:
    """The hour of the range that a row came in: its own, or one of a window that began late."""
    nearest = (row["append_time"], row["append_time"] + timedelta(hours=1))
    return row["hour"] in {f"{moment:%Y-%m-%dT%H}" for moment in nearest}
