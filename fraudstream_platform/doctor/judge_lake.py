"""The Delta tables, and the disks that they and the services need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fraudstream_platform.doctor.verdict import Check, fail, ok, warn

_FAIL_BYTES = 2**30
_WARN_BYTES = 5 * 2**30


@dataclass(frozen=True)
class DiskFacts:
    """A file system that holds a setting's folder."""

    setting: str
    folder: str
    free_bytes: int


def judge_tables(tables: Sequence[str], missing: Sequence[str]) -> Check:
    """`missing` of `tables` could not be opened."""
    if missing:
        return fail("tables", f"missing: {', '.join(missing)}", "`fraudstream setup` creates them")
    return ok("tables", f"{len(tables)} Delta tables can be opened")


def judge_disk(disk: DiskFacts) -> Check:
    """A full disk stops commits, snapshots and the broker at once."""
    free = f"{disk.free_bytes / 2**30:.1f} GB free in {disk.folder} ({disk.setting})"
    remedy = f"make room, or move {disk.setting} to a larger disk"
    if disk.free_bytes < _FAIL_BYTES:
        return fail("disk", f"{free}; the broker and every commit need some", remedy)
    if disk.free_bytes < _WARN_BYTES:
        return warn("disk", free, remedy)
    return ok("disk", free)
