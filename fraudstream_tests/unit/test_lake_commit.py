"""The joining commit: every batch exactly once, whoever brings it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from fraudstream_platform.lake.commit import Batch, CommitGapError, TableAppender
from fraudstream_platform.lake.files import DataFile, FileLostError, write_file
from fraudstream_platform.lake.tables import DRAINED, create_tables, open_table, table_uri
from fraudstream_platform.settings import Settings

pytestmark = pytest.mark.unit
TABLE = "bronze.transactions"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = Settings(data_dir=tmp_path)
    create_tables(found)
    return found


def batch(settings: Settings, start: int, end: int) -> Batch:
    rows = pl.DataFrame({"offset": range(start, end)}, schema={"offset": pl.Int64})
    frame = pl.concat([DRAINED[TABLE].to_frame(), rows], how="diagonal")
    file = write_file(settings, TABLE, "2026-01-01T00", frame)
    return Batch({0: start}, {0: end}, [file], origin=start == 0)


def commit(settings: Settings, *batches: Batch) -> int:
    return TableAppender(settings, TABLE, "test").commit(batches)


def test_a_repeat_adds_nothing(settings: Settings) -> None:
    """delta-rs records application transactions but does not refuse repeats."""
    first = batch(settings, 0, 10)
    assert commit(settings, first) == 10
    assert commit(settings, first) == 0
    assert open_table(settings, TABLE).count() == 10


def test_a_partial_repeat_adds_only_what_is_new(settings: Settings) -> None:
    """A crash between two commits repeats the first batch together with the next."""
    first, second = batch(settings, 0, 10), batch(settings, 10, 15)
    commit(settings, first)
    assert commit(settings, first, second) == 5
    assert open_table(settings, TABLE).count() == 15


def test_a_gap_is_refused(settings: Settings) -> None:
    """A batch that starts past the table would lose the records between for ever."""
    commit(settings, batch(settings, 0, 10))
    with pytest.raises(CommitGapError):
        commit(settings, batch(settings, 11, 15))


def test_a_batch_that_is_no_origin_needs_a_position(settings: Settings) -> None:
    """A table made again must not begin in the middle of the log."""
    with pytest.raises(CommitGapError):
        commit(settings, batch(settings, 5, 10))


def test_a_lost_file_is_noticed_before_the_commit(settings: Settings) -> None:
    """A table that names a file that is not there cannot be read at all."""
    first = batch(settings, 0, 10)
    file: DataFile = first.files[0]
    (Path(table_uri(settings, TABLE)) / file.path).unlink()
    with pytest.raises(FileLostError):
        commit(settings, first)
    assert open_table(settings, TABLE).count() == 0


def test_rivals_that_remember_what_they_read_let_each_batch_in_once(settings: Settings) -> None:
    """An owner's run and its successor's both commit: what one remembers, the other has moved."""
    one, other = (TableAppender(settings, TABLE, "test") for _ in range(2))
    batches = [batch(settings, start, start + 5) for start in range(0, 30, 5)]
    assert one.commit(batches[:1]) == 5
    assert other.commit(batches[:2]) == 5
    assert one.commit(batches[:3]) == 5
    assert one.commit(batches[3:4]) == 5
    assert other.commit(batches[1:5]) == 5
    assert one.commit(batches) == 5
    assert open_table(settings, TABLE).count() == 30
