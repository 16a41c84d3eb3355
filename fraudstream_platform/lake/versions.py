"""Old versions of the network's profiles: the newest are kept, the others leave their table."""

from __future__ import annotations

from collections.abc import Iterable

from fraudstream_platform.lake.actions import held_files, removals, try_commit
from fraudstream_platform.lake.commit import CommitContendedError
from fraudstream_platform.lake.compaction import NO_NEW_ROWS
from fraudstream_platform.lake.tables import VERSION, open_table
from fraudstream_platform.settings import Settings

_ATTEMPTS = 20


def outdated(versions: Iterable[str], kept: int) -> set[str]:
    """All but the newest `kept` versions; their names begin with the time of the refresh."""
    return set(sorted(set(versions), reverse=True)[kept:])


def prune_versions(settings: Settings, table: str) -> tuple[int, int]:
    """Remove outdated versions of a profile table in one commit; how many left, and how many stay.

    Their files go with the next vacuum. Raises CommitContendedError where rivals win every attempt.
    """
    for _ in range(_ATTEMPTS):
        opened = open_table(settings, table)
        files = held_files(opened, VERSION)
        versions = {file.partition for file in files}
        old = outdated(versions, settings.profile_versions_kept)
        if not old:
            return 0, len(versions)
        gone = removals([file for file in files if file.partition in old], VERSION)
        if try_commit(opened, VERSION, gone, metadata=NO_NEW_ROWS):
            return len(old), len(versions) - len(old)
    raise CommitContendedError(f"{table}: {_ATTEMPTS} prunings lost to rivals")
