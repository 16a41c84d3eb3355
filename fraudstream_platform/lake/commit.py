"""Adding files to a Delta table exactly once.

delta-rs records application transactions but does not refuse repeats, so the rule is ours:

1. load the table's newest version and read, for each source partition, the version it has recorded;
2. take a batch only where it *joins*: it starts exactly at the recorded version;
3. commit files and new versions on that same object, with no retries inside delta-rs;
4. on conflict (a rival committed first) begin again at 1.

A repeat does not join and is passed over; a rival, a crash between two tables, or a compaction in
between all end in the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deltalake import DeltaTable, Transaction

from fraudstream_platform.lake.actions import additions, try_commit
from fraudstream_platform.lake.files import DataFile, check_file
from fraudstream_platform.lake.tables import open_table, partition_column
from fraudstream_platform.settings import Settings

_ATTEMPTS = 50


class CommitGapError(RuntimeError):
    """A batch starts past what the table has: the records between were never committed."""


class CommitContendedError(RuntimeError):
    """Rivals won every attempt; nothing was committed and the batch can be tried again."""


@dataclass(frozen=True)
class Batch:
    """Files that carry a table from `start` to `end`, versions by source partition.

    `origin` marks the first batch ever of its partitions, which joins a table that has none.
    """

    start: Mapping[int, int]
    end: Mapping[int, int]
    files: Sequence[DataFile]
    origin: bool = False


def recorded_versions(
    table: DeltaTable, application: str, partitions: Sequence[int]
) -> dict[int, int | None]:
    """Next offset that the table expects, by source partition; None where it has none yet."""
    return {p: table.transaction_version(f"{application}.{p}") for p in partitions}


class RecordedVersions:
    """Recorded versions of one open table, read again only where the table has changed.

    Reading one costs 3 ms, and a commit needs one a partition.
    """

    def __init__(self, table: DeltaTable, application: str) -> None:
        self.table = table
        self._application = application
        self._version = -1
        self._known: dict[int, int | None] = {}

    def read(self, partitions: Sequence[int]) -> dict[int, int | None]:
        """As they stand in the table's newest version, which is loaded."""
        self.table.update_incremental()
        if self.table.version() != self._version:
            self._version = self.table.version()
            self._known.clear()
        missing = [p for p in partitions if p not in self._known]
        self._known |= recorded_versions(self.table, self._application, missing)
        return {p: self._known[p] for p in partitions}

    def committed(self, versions: Mapping[int, int]) -> None:
        """The table object has committed `versions`: nothing to read again unless others did too."""
        self.table.update_incremental()
        if self.table.version() == self._version + 1:
            self._version += 1
            self._known |= versions


class TableAppender:
    """Appends batches to one table, each once."""

    def __init__(self, settings: Settings, table: str, application: str) -> None:
        self._settings = settings
        self._name = table
        self._application = application
        self._recorded = RecordedVersions(open_table(settings, table), application)

    def commit(self, batches: Sequence[Batch]) -> int:
        """Commit those of `batches` (in order) that join; returns how many rows were added."""
        partitions = sorted({p for batch in batches for p in batch.end})
        for _ in range(_ATTEMPTS):
            joining, versions = _joining(self._recorded.read(partitions), batches)
            if not joining:
                return 0
            files = [file for batch in joining for file in batch.files if file.table == self._name]
            for file in files:
                check_file(self._settings, file)
            if self._has_committed(files, versions):
                self._recorded.committed(versions)
                return sum(file.rows for file in files)
        raise CommitContendedError(f"{self._name}: {_ATTEMPTS} commits lost to rivals")

    def _has_committed(self, files: Sequence[DataFile], versions: Mapping[int, int]) -> bool:
        column = partition_column(self._name)
        marks = [
            Transaction(f"{self._application}.{partition}", version)
            for partition, version in sorted(versions.items())
        ]
        return try_commit(self._recorded.table, column, additions(files, column), marks)


def _joining(
    recorded: dict[int, int | None], batches: Sequence[Batch]
) -> tuple[list[Batch], dict[int, int]]:
    joining: list[Batch] = []
    moved: dict[int, int] = {}
    for batch in batches:
        if _is_repeat(recorded, batch):
            continue
        for partition, start in batch.start.items():
            known = recorded[partition]
            if known != start and not (known is None and batch.origin):
                raise CommitGapError(
                    f"partition {partition}: the table stands at {known}, the batch at {start}"
                )
        joining.append(batch)
        recorded.update(batch.end)
        moved.update(batch.end)
    return joining, moved


def _is_repeat(recorded: Mapping[int, int | None], batch: Batch) -> bool:
    known = [(recorded[p], end) for p, end in batch.end.items()]
    return all(version is not None and version >= end for version, end in known)
