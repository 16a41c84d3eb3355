"""The sweep of orphan files, with the journal's say."""

from __future__ import annotations

import time
from collections.abc import Iterator

from fraudstream_platform.drain.journal import JournalReader
from fraudstream_platform.lake.orphans import sweep
from fraudstream_platform.lake.vacuum import Removed
from fraudstream_platform.settings import Settings


def sweep_orphans(settings: Settings) -> dict[str, Removed]:
    """Remove files older than ORPHANS_AFTER_HOURS that no table and no journal record names."""
    before_s = time.time() - settings.orphans_after_hours * 3600
    return sweep(settings, before_s, lambda: journaled_files(settings))


def journaled_files(settings: Settings) -> Iterator[tuple[str, str]]:
    """(table, path) of every file that the journal still names."""
    journal = JournalReader(settings)
    try:
        for group in range(settings.drain_groups):
            for entry in journal.history(group):
                yield from ((file.table, file.path) for file in entry.files)
    finally:
        journal.close()
