"""What a reshard leaves for rebuilds to know: where one layout ended and the next one began."""

from __future__ import annotations

import json
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


def newest_reshard(settings: Settings) -> Resharded | None:
    """The last change of layout; None where there never was one."""
    paths = sorted(_folder(settings).glob("*.json"), key=lambda path: int(path.stem))
    if not paths:
        return None
    raw = json.loads(paths[-1].read_text())
    return Resharded(
        raw["at_ms"], Layout(**raw["old"]), Layout(**raw["new"]), from_json(raw["upto"])
    )


def _folder(settings: Settings) -> Path:
    return settings.data_dir / "state" / "reshards"
