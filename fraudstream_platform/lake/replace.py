"""Replacing an hour of a table: the new files in, the old ones out, in one commit."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction, RemoveAction

from fraudstream_platform.lake.commit import CommitContendedError
from fraudstream_platform.lake.files import DataFile, check_file
from fraudstream_platform.lake.tables import HOUR, open_table
from fraudstream_platform.settings import Settings

_ATTEMPTS = 50


def replace_hour(settings: Settings, table: str, hour: str, files: Sequence[DataFile]) -> None:
    """Make `files` the whole content of `hour`; the recorded positions stay as they are."""
    for file in files:
        check_file(settings, file)
    for _ in range(_ATTEMPTS):
        opened = open_table(settings, table)
        try:
            opened.create_write_transaction(
                [*_removals(opened, hour), *_additions(files, hour)],
                "append",
                opened.schema(),
                [HOUR],
                commit_properties=CommitProperties(max_commit_retries=0),
            )
        except CommitFailedError:
            continue
        return
    raise CommitContendedError(f"{table}: {_ATTEMPTS} replacements of {hour} lost to rivals")


def _removals(table: DeltaTable, hour: str) -> list[AddAction | RemoveAction]:
    now_ms = int(time.time() * 1000)
    present = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    return [
        RemoveAction(row["path"], True, now_ms, row["size_bytes"], {HOUR: hour})
        for row in present
        if row[f"partition.{HOUR}"] == hour
    ]


def _additions(files: Sequence[DataFile], hour: str) -> list[AddAction | RemoveAction]:
    now_ms = int(time.time() * 1000)
    return [
        AddAction(
            file.path, file.size, {HOUR: hour}, now_ms, True, json.dumps({"numRecords": file.rows})
        )
        for file in files
    ]
