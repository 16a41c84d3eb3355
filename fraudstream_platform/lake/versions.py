"""Old versions of the network's profiles: the newest are kept, the others leave their table."""

from __future__ import annotations

import time
from collections.abc import Iterable

from deltalake import CommitProperties
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction, RemoveAction

from fraudstream_platform.lake.commit import CommitContendedError
from fraudstream_platform.lake.compaction import NO_NEW_ROWS, held_files
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
        now_ms = int(time.time() * 1000)
        removals: list[AddAction | RemoveAction] = [
            RemoveAction(file.path, True, now_ms, file.size, {VERSION: file.partition})
            for file in files
            if file.partition in old
        ]
        try:
            opened.create_write_transaction(
                removals,
                "append",
                opened.schema(),
                [VERSION],
                commit_properties=CommitProperties(NO_NEW_ROWS, max_commit_retries=0),
            )
        except CommitFailedError:
            continue
        return len(old), len(versions) - len(old)
    raise CommitContendedError(f"{table}: {_ATTEMPTS} prunings lost to rivals")
