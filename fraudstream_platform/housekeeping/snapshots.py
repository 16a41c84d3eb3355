"""State snapshots: what the journal names stays and is checked, what it names no more goes.

Owners remove old files themselves when they write a new one. What is left to do is what nobody
writes to any more: files of killed writers, and of groups that rest.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fraudstream_platform.drain.journal import SnapshotRef
from fraudstream_platform.drain.sealed import read_standings
from fraudstream_platform.drain.snapshot import KEEP_SECONDS, fault_of, snapshot_folder
from fraudstream_platform.settings import Settings


@dataclass(frozen=True)
class GroupSnapshots:
    """One group's snapshots after a sweep."""

    group: int
    valid: int
    """Snapshots that the journal names and that can be loaded."""
    faults: tuple[str, ...]
    """Snapshots that it names and that cannot, each with what is wrong."""
    kept: int
    removed: int
    bytes_removed: int


def unnamed(files: Iterable[tuple[str, float]], named: Sequence[str], now_s: float) -> list[str]:
    """Files (path, epoch seconds of their last write) that are neither named nor young."""
    names = set(named)
    return sorted(
        path for path, written_s in files if path not in names and written_s < now_s - KEEP_SECONDS
    )


def sweep_snapshots(settings: Settings) -> list[GroupSnapshots]:
    """Check the snapshots that the journal names of each group, and remove the others.

    A group that nobody ever owned is left alone. Files are listed before the journal is read.
    """
    now_s = time.time()
    found = [
        {path: path.stat() for path in snapshot_folder(settings, group).glob("*.npz")}
        for group in range(settings.drain_groups)
    ]
    reports = []
    for group, (files, standing) in enumerate(zip(found, read_standings(settings), strict=True)):
        if standing is None:
            continue
        refs = standing.snapshots
        times = [(str(path), stat.st_mtime) for path, stat in files.items()]
        old = unnamed(times, [ref.path for ref in refs], now_s)
        for path in old:
            Path(path).unlink(missing_ok=True)
        size = sum(files[Path(path)].st_size for path in old)
        reports.append(_report(group, refs, len(files) - len(old), len(old), size))
    return reports


def _report(
    group: int, refs: Sequence[SnapshotRef], kept: int, removed: int, size: int
) -> GroupSnapshots:
    faults = [(ref, fault_of(ref)) for ref in refs]
    poor = tuple(f"{Path(ref.path).name} {fault}" for ref, fault in faults if fault is not None)
    return GroupSnapshots(group, len(refs) - len(poor), poor, kept, removed, size)
