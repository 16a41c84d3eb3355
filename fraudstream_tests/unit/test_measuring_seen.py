"""What a table is seen to have is what it has, though few of its positions are asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from fraudstream_platform.drain.journal import Entry, Term
from fraudstream_platform.drain.positions import Positions
from fraudstream_platform.lake.commit import Batch, RecordedVersions, TableAppender
from fraudstream_platform.lake.tables import create_tables, open_table
from fraudstream_platform.measuring.seen import SeenCommits
from fraudstream_platform.settings import Settings

pytestmark = pytest.mark.unit

TABLE = "bronze.dead_letter"
FIRST = ({0: 0, 1: 0}, {0: 5, 1: 5})
ONLY_ONE_MOVED = ({0: 5, 1: 5}, {0: 5, 1: 9})
OTHER_GROUP = ({2: 0}, {2: 3})


def flush(group: int, moved: tuple[Positions, Positions], last_append_ms: int) -> Entry:
    """A flush record over `moved` (start, end)."""
    counts = {"last_append_ms": last_append_ms}
    return Entry(
        "flush", group, Term(0, 1, 0), "run", 0, flushed=moved[1], start=moved[0], counts=counts
    )


def test_rows_are_fresh_only_once_the_table_has_them(tmp_path: Path) -> None:
    """Guards: a freshness that is told of flushes which only the journal has."""
    settings = Settings(data_dir=tmp_path)
    create_tables(settings, [TABLE])
    appender = TableAppender(settings, TABLE, "test")
    seen = SeenCommits(RecordedVersions(open_table(settings, TABLE), "test"), groups=2)
    seen.note(flush(0, FIRST, 100))
    seen.note(flush(0, ONLY_ONE_MOVED, 200))
    seen.note(flush(1, OTHER_GROUP, 150))
    appender.commit([Batch(*FIRST, (), origin=True)])
    assert seen.newest_ms() is None, "the other group has none yet"
    appender.commit([Batch(*OTHER_GROUP, (), origin=True)])
    assert seen.newest_ms() == 100
    appender.commit([Batch(*ONLY_ONE_MOVED, ())])
    assert seen.newest_ms() == 150
