"""Replacing an hour of a table: the new files in, the old ones out, in one commit.

The caller names the old files it has seen, and the commit is made on the object that was compared
with them: rows that came in between are never thrown away. A compaction in between joins files and
changes no row, so contents are compared, not names.

The same commit records by which version of the code the hour was rebuilt, as an application
transaction of its own: files and record cannot disagree, whenever the process dies.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from deltalake import DeltaTable, Transaction

from fraudstream_platform.lake.actions import (
    HeldFile,
    additions,
    held_files,
    removals,
    try_commit,
)
from fraudstream_platform.lake.commit import CommitContendedError
from fraudstream_platform.lake.content import content_of
from fraudstream_platform.lake.files import DataFile, check_file
from fraudstream_platform.lake.tables import HOUR, open_table
from fraudstream_platform.settings import Settings

_ATTEMPTS = 50


class HourChangedError(RuntimeError):
    """The hour has other rows than its rebuild began with; nothing of the table was replaced."""


def hour_files(settings: Settings, table: str, hour: str) -> frozenset[str]:
    """Paths of the files that hold `hour` now, relative to the table."""
    return frozenset(file.path for file in _present(open_table(settings, table), hour))


def rebuilt_version(opened: DeltaTable, hour: str) -> int | None:
    """The version that `replace_hour` was last given for `hour`; None where it never was."""
    return opened.transaction_version(_application(hour))


def replace_hour(
    settings: Settings,
    table: str,
    hour: str,
    files: Sequence[DataFile],
    seen: Collection[str],
    version: int,
) -> None:
    """Make `files` the whole content of `hour`, which holds `seen`; recorded positions stay.

    `version` names what made the files, and is recorded with them. Raises HourChangedError where
    the hour holds something else by now.
    """
    for file in files:
        check_file(settings, file)
    for _ in range(_ATTEMPTS):
        opened = open_table(settings, table)
        present = _present(opened, hour)
        if content_of(file.path for file in present) != content_of(set(seen)):
            raise HourChangedError(
                f"{table}: hour {hour} changed while it was rebuilt and was left as it is; "
                "rebuild it again"
            )
        actions = [*removals(present, HOUR), *additions(files, HOUR)]
        if try_commit(opened, HOUR, actions, [Transaction(_application(hour), version)]):
            return
    raise CommitContendedError(f"{table}: {_ATTEMPTS} replacements of {hour} lost to rivals")


def _application(hour: str) -> str:
    return f"fraudstream.rebuild.{hour}"


def _present(table: DeltaTable, hour: str) -> list[HeldFile]:
    return [file for file in held_files(table, HOUR) if file.partition == hour]
