"""What a table's newest version names, and changes to it on the very object that was looked at.

A commit that a rival was faster than is refused here, never rebased: delta-rs would put appends of
both in, and what was decided by looking would no longer hold. The caller looks again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction, RemoveAction

from fraudstream_platform.lake.files import DataFile

Action = AddAction | RemoveAction


@dataclass(frozen=True)
class HeldFile:
    """One file that a table's newest version names; `modified_ms` is epoch ms."""

    path: str
    partition: str
    size: int
    rows: int
    modified_ms: int


def held_files(table: DeltaTable, column: str) -> list[HeldFile]:
    """The files of an open table's version, those of a partition in the order in which they came."""
    rows: list[dict[str, Any]] = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    files = [
        HeldFile(
            row["path"],
            row[f"partition.{column}"],
            row["size_bytes"],
            row["num_records"],
            _epoch_ms(row["modification_time"]),
        )
        for row in rows
    ]
    return sorted(files, key=lambda file: (file.partition, file.modified_ms, file.path))


def additions(files: Sequence[DataFile], column: str, *, changes_data: bool = True) -> list[Action]:
    """Actions that let `files` in.

    Of statistics row counts alone: a column's lowest and highest value would keep sealed texts in
    the log.
    """
    now_ms = int(time.time() * 1000)
    return [
        AddAction(
            file.path,
            file.size,
            {column: file.partition},
            now_ms,
            changes_data,
            json.dumps({"numRecords": file.rows}),
        )
        for file in files
    ]


def removals(files: Sequence[HeldFile], column: str, *, changes_data: bool = True) -> list[Action]:
    """Actions that let go of `files`."""
    now_ms = int(time.time() * 1000)
    return [
        RemoveAction(file.path, changes_data, now_ms, file.size, {column: file.partition})
        for file in files
    ]


def try_commit(
    opened: DeltaTable,
    column: str,
    actions: Sequence[Action],
    marks: Sequence[Transaction] = (),
    metadata: Mapping[str, str] | None = None,
) -> bool:
    """Commit on `opened`; False, with nothing changed, where somebody else committed first."""
    properties = CommitProperties(
        custom_metadata=dict(metadata) if metadata else None,
        app_transactions=list(marks) or None,
        max_commit_retries=0,
    )
    try:
        opened.create_write_transaction(
            list(actions), "append", opened.schema(), [column], commit_properties=properties
        )
    except CommitFailedError:
        return False
    return True


def _epoch_ms(moment: Any) -> int:
    return int(moment) if isinstance(moment, int) else round(moment.timestamp() * 1000)
