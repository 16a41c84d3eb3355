"""What a load has to do: the files that a table shows against those that the warehouse has. Pure.

A file is known by its mark (`lake.content`), so it may be joined with others by a compaction and is
still the same rows: a partition whose marks add up to what was loaded needs nothing but new names in
the ledger. Where rows were replaced (a rebuild, a promotion), the partition is loaded anew, whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from fraudstream_platform.lake.content import content_of, mark_of, sum_of
from fraudstream_platform.lake.shown import ShownFile

Kind = Literal["append", "replace", "rename"]


@dataclass(frozen=True)
class Change:
    """What one partition needs.

    append: `files` besides what is there; replace: `files` instead of it (none: the partition is
    gone); rename: the same rows, which stand in `files` now.
    """

    partition: str
    kind: Kind
    files: tuple[ShownFile, ...]

    @property
    def copied(self) -> tuple[ShownFile, ...]:
        """The files whose rows are to be copied."""
        return () if self.kind == "rename" else self.files

    @property
    def size(self) -> int:
        """Bytes to read."""
        return sum(file.size for file in self.copied)


def plan(present: Iterable[ShownFile], loaded: Mapping[str, frozenset[int]]) -> list[Change]:
    """Changes by partition, in their order; `loaded` holds the marks of each partition's files."""
    shown: dict[str, list[ShownFile]] = {partition: [] for partition in loaded}
    for file in present:
        shown.setdefault(file.partition, []).append(file)
    changes = [
        _change(partition, files, loaded.get(partition, frozenset()))
        for partition, files in sorted(shown.items())
    ]
    return [change for change in changes if change is not None]


def _change(partition: str, files: Sequence[ShownFile], loaded: frozenset[int]) -> Change | None:
    marks = {mark_of(file.path.name) for file in files}
    if marks == loaded:
        return None
    if loaded <= marks:
        new = tuple(file for file in files if mark_of(file.path.name) not in loaded)
        return Change(partition, "append", new)
    same = bool(files) and content_of(file.path.name for file in files) == sum_of(loaded)
    return Change(partition, "rename" if same else "replace", tuple(files))


def batches(changes: Iterable[Change], most_bytes: int) -> Iterator[list[Change]]:
    """Changes that go into one transaction: up to `most_bytes` to read, unless one alone has more."""
    held: list[Change] = []
    filled = 0
    for change in changes:
        if held and filled + change.size > most_bytes:
            yield held
            held, filled = [], 0
        held.append(change)
        filled += change.size
    if held:
        yield held
