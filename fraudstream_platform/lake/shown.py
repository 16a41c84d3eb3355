"""The files that readers of a table see: of promoted hours those of the candidate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deltalake import DeltaTable

from fraudstream_platform.lake.actions import HeldFile, held_files
from fraudstream_platform.lake.promoted import (
    REBUILDABLE,
    candidate_lake,
    hours_by_candidate,
    promoted_hours,
)
from fraudstream_platform.lake.tables import partition_column
from fraudstream_platform.lake.uris import uri_of


@dataclass(frozen=True)
class ShownFile:
    """One Parquet file of a table; it carries every column but the one of `partition`."""

    path: Path
    partition: str
    size: int
    rows: int


@dataclass(frozen=True)
class Shown:
    """A table as readers see it now; `version` is that of the live Delta table."""

    version: int
    files: tuple[ShownFile, ...]


def shown(lake: str, table: str) -> Shown:
    """The files of the newest version; raises TableNotFoundError where there is no table."""
    opened = DeltaTable(uri_of(lake, table))
    promoted = promoted_hours(lake) if table in REBUILDABLE else {}
    files = _files(lake, table, opened)
    if promoted:
        files = [file for file in files if file.partition not in promoted]
        for name, hours in hours_by_candidate(promoted).items():
            own = candidate_lake(lake, name)
            theirs = _files(own, table, DeltaTable(uri_of(own, table)))
            files += [file for file in theirs if file.partition in set(hours)]
    return Shown(opened.version(), tuple(files))


def _files(lake: str, table: str, opened: DeltaTable) -> list[ShownFile]:
    root = Path(uri_of(lake, table).removeprefix("file://"))
    held = held_files(opened, partition_column(table))
    return [_shown(root, file) for file in held]


def _shown(root: Path, file: HeldFile) -> ShownFile:
    return ShownFile(root / file.path, file.partition, file.size, file.rows)
