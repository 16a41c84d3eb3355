"""A table's own log: checkpoints, and how long its commits are kept.

Every flush is a commit, so a day is 20,000 files in `_delta_log`, and each of them is looked at when
the table is opened. A checkpoint holds all that they say, recorded positions included.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from deltalake.exceptions import DeltaError

from fraudstream_platform.lake.tables import log_properties, open_table, table_uri
from fraudstream_platform.settings import Settings

_ATTEMPTS = 20


@dataclass(frozen=True)
class LogSize:
    """Files of a table's log, and their bytes."""

    files: int
    bytes: int


def log_size(settings: Settings, table: str) -> LogSize:
    """The log as it stands on the disk."""
    sizes = [entry.stat().st_size for entry in _log(settings, table).iterdir() if entry.is_file()]
    return LogSize(len(sizes), sum(sizes))


def tidy_log(settings: Settings, table: str) -> tuple[LogSize, LogSize]:
    """Write a checkpoint and drop commits older than DELTA_LOG_KEPT_HOURS; before and after.

    Raises DeltaError where a table made under other settings cannot be given these.
    """
    before = log_size(settings, table)
    _give_properties(settings, table)
    opened = open_table(settings, table)
    opened.create_checkpoint()
    opened.cleanup_metadata()
    return before, log_size(settings, table)


def _give_properties(settings: Settings, table: str) -> None:
    """Tables that were made before, or under other settings, get the properties of these."""
    wanted = log_properties(settings)
    for left in reversed(range(_ATTEMPTS)):
        opened = open_table(settings, table)
        has = opened.metadata().configuration
        lacking = {name: value for name, value in wanted.items() if has.get(name) != value}
        if not lacking:
            return
        try:
            opened.alter.set_table_properties(lacking)
        except DeltaError:
            if not left:
                raise
            time.sleep(0.05)  # the committer's commit came between


def _log(settings: Settings, table: str) -> Path:
    return Path(table_uri(settings, table)) / "_delta_log"
