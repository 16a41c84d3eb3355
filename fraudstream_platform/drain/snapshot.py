"""State snapshots: plain arrays in one file, named by its SHA-256 in the journal."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from fraudstream_platform.detection.exchange import LAYOUT as EXCHANGE_LAYOUT
from fraudstream_platform.detection.state import state_version
from fraudstream_platform.detection.step import Detector
from fraudstream_platform.drain.crash_points import crash_point
from fraudstream_platform.drain.journal import SnapshotRef
from fraudstream_platform.drain.positions import Positions
from fraudstream_platform.settings import Settings

log = logging.getLogger(__name__)

KEEP_SECONDS = 180.0
"""A file that young may be about to be named by the journal, or about to be loaded."""
_SPARE_FILES = 2
Arrays = dict[str, np.ndarray]

_EXCHANGE = "exchange/"


def snapshot_version() -> str:
    """Names what a snapshot holds: one of another version cannot be loaded."""
    return f"{state_version()}-exchange-{EXCHANGE_LAYOUT}"


def snapshot_folder(settings: Settings, group: int) -> Path:
    """Where a group's snapshots stand."""
    return settings.data_dir / "state" / f"group-{group}"


def copy_exchange(detector: Detector) -> Arrays:
    """Copies of what the detector has heard of other partitions, keyed `exchange/<name>`."""
    return {f"{_EXCHANGE}{name}": array for name, array in detector.exchange.dump().items()}


def copy_state(detector: Detector, partition: int) -> Arrays:
    """Copies of one partition's state arrays, keyed `<partition>/<name>`."""
    return {
        f"{partition}/{name}": array for name, array in detector.export_state(partition).items()
    }


def write_snapshot(
    settings: Settings, group: int, arrays: Arrays, positions: Positions
) -> SnapshotRef:
    """Write and fsync one snapshot file; older files of the group are removed in time.

    Those that the journal names are among the newest `STATE_SNAPSHOTS_KEPT`, so a few more stay.

    `positions` says for each partition how far its own state had come.
    """
    folder = snapshot_folder(settings, group)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{uuid.uuid4().hex}.npz"
    try:
        with path.open("wb") as file:
            sink = _Hashing(file)
            np.savez(cast(BinaryIO, sink), allow_pickle=False, **arrays)
            crash_point(settings, "in_snapshot")
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise
    _forget_old(folder, settings.state_snapshots_kept + _SPARE_FILES)
    return SnapshotRef(str(path), sink.digest.hexdigest(), snapshot_version(), dict(positions))


class _Hashing(io.RawIOBase):
    """Passes bytes on and hashes them; it cannot seek, so that they pass once and in order."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self.digest.update(data)
        return self._file.write(data)


def restore(
    detector: Detector, partitions: Sequence[int], candidates: Sequence[SnapshotRef]
) -> Positions | None:
    """Load the newest usable snapshot into `detector`; its positions, or None where none is."""
    for ref in candidates:
        arrays = _load(ref)
        if arrays is None or not set(partitions) <= set(ref.positions):
            continue
        for partition in partitions:
            detector.import_state(partition, _part(arrays, f"{partition}/"))
        detector.exchange.load(_part(arrays, _EXCHANGE))
        return {partition: ref.positions[partition] for partition in partitions}
    return None


def load_exchange(detector: Detector, candidates: Sequence[SnapshotRef]) -> None:
    """Load what was heard of other partitions from the newest usable snapshot, where one is."""
    for ref in candidates:
        arrays = _load(ref)
        if arrays is not None:
            detector.exchange.load(_part(arrays, _EXCHANGE))
            return


def _part(arrays: Mapping[str, np.ndarray], prefix: str) -> Mapping[str, np.ndarray]:
    return {k.removeprefix(prefix): a for k, a in arrays.items() if k.startswith(prefix)}


def fault_of(ref: SnapshotRef) -> str | None:
    """Why a snapshot cannot be loaded; None where it can."""
    if ref.catalogue != snapshot_version():
        return f"holds another state, {ref.catalogue}"
    try:
        return None if _sha256(Path(ref.path)) == ref.sha256 else "is corrupt (SHA-256 differs)"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _load(ref: SnapshotRef) -> Mapping[str, np.ndarray] | None:
    fault = fault_of(ref)
    if fault is not None:
        log.error("snapshot %s %s", ref.path, fault)
        return None
    try:
        with np.load(ref.path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except OSError as error:
        log.error("snapshot %s cannot be read: %s", ref.path, error)
        return None


def _sha256(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _forget_old(folder: Path, kept: int) -> None:
    # Outlasts any reader: the journal names the newest, and they are loaded at once.
    limit = time.time() - KEEP_SECONDS
    newest_first = sorted(folder.glob("*.npz"), key=lambda p: p.stat().st_mtime, reverse=True)
    for path in newest_first[kept:]:
        if path.stat().st_mtime < limit:
            path.unlink(missing_ok=True)
