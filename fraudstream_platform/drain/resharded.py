"""What a reshard leaves for rebuilds to know: where one layout ended and the next one began."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from fraudstream_platform.drain.layout import Layout
from fraudstream_platform.drain.positions import Positions, from_json, to_json
from fraudstream_platform.lake.hours import hour_of
from fraudstream_platform.settings import Settings


@dataclass(frozen=True)
class Resharded:
    """A change of layout: rows below `upto` were stepped by the old one."""

    at_ms: int
    old: Layout
    new: Layout
    upto: Positions

    @property
    def hour(self) -> str:
        """The hour in which it happened; rows of both layouts can be in it."""
        return hour_of(self.at_ms)


def keep(settings: Settings, change: Resharded) -> None:
    """Write it down, whole or not at all."""
    folder = _folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{change.at_ms}.json"
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps({**asdict(change), "upto": to_json(change.upto)}))
    partial.replace(path)


def reshards(settings: Settings) -> list[Resharded]:
    """All changes of layout, the oldest first."""
    paths = sorted(_folder(settings).glob("*.json"), key=lambda path: int(path.stem))
    return [_read(path) for path in paths]


@dataclass(frozen=True)
class Stretch:
    """A part of the log that one layout's state stepped; None where it has no end on that side."""

    partitions: int
    """Of its layout."""
    begins: Resharded | None
    ends: Resharded | None

    def hours_of(self, hours: Sequence[str]) -> list[str]:
        """Those of `hours` that can hold rows of it; the hour of a change is in two stretches."""
        first = self.begins.hour if self.begins is not None else ""
        return [
            hour
            for hour in hours
            if hour >= first and (self.ends is None or hour <= self.ends.hour)
        ]

    def clip(self, partition: int, offsets: tuple[int, int]) -> tuple[int, int]:
        """Of a partition's first and last offset, what belongs here; empty where last < first."""
        first, last = offsets
        if self.begins is not None:
            first = max(first, self.begins.upto[partition])
        if self.ends is not None:
            last = min(last, self.ends.upto[partition] - 1)
        return first, last


def stretches(changes: Sequence[Resharded], partitions: int) -> list[Stretch]:
    """The log between changes of layout, the oldest first; `partitions` are today's."""
    begins = [None, *changes]
    ends = [*changes, None]
    counts = [*(change.old.partitions for change in changes), partitions]
    return [Stretch(*one) for one in zip(counts, begins, ends, strict=True)]


def _read(path: Path) -> Resharded:
    raw = json.loads(path.read_text())
    return Resharded(
        raw["at_ms"], Layout(**raw["old"]), Layout(**raw["new"]), from_json(raw["upto"])
    )


def _folder(settings: Settings) -> Path:
    return settings.data_dir / "state" / "reshards"
