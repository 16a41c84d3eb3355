"""What a rebuild leaves behind for the next call: which version made which hour."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from fraudstream_platform.drain import rebuild_version as versions
from fraudstream_platform.drain.rebuild_group import GroupFailedError, GroupTask, run_group
from fraudstream_platform.drain.rebuild_refused import HourWithoutBronzeError, refuse_without_bronze
from fraudstream_platform.drain.rebuild_shares import Shares
from fraudstream_platform.drain.rebuild_version import hours_done, rebuild_version
from fraudstream_platform.lake.commit import Batch, TableAppender, recorded_versions
from fraudstream_platform.lake.files import DataFile, write_file
from fraudstream_platform.lake.replace import (
    HourChangedError,
    hour_files,
    rebuilt_version,
    replace_hour,
)
from fraudstream_platform.lake.tables import DRAINED, create_tables, open_table
from fraudstream_platform.settings import PROJECT_ROOT, Settings

pytestmark = pytest.mark.unit

TABLE = "silver.transactions"
OTHER = "gold.features"
HOUR = "2026-01-01T00"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = Settings(data_dir=tmp_path)
    create_tables(found)
    return found


def file_of(settings: Settings, rows: int, table: str = TABLE) -> DataFile:
    offsets = pl.DataFrame({"offset": range(rows)}, schema={"offset": pl.Int64})
    frame = pl.concat([DRAINED[table].to_frame(), offsets], how="diagonal")
    return write_file(settings, table, HOUR, frame)


def replace(settings: Settings, files: list[DataFile], version: int, table: str = TABLE) -> None:
    replace_hour(settings, table, HOUR, files, hour_files(settings, table, HOUR), version)


def test_files_and_version_are_one_commit(settings: Settings) -> None:
    """Guards against an hour that counts as rebuilt although the process died before its files."""
    before = open_table(settings, TABLE).version()
    assert rebuilt_version(open_table(settings, TABLE), HOUR) is None
    replace(settings, [file_of(settings, 3)], 7)
    after = open_table(settings, TABLE)
    assert (after.version(), after.count(), rebuilt_version(after, HOUR)) == (before + 1, 3, 7)


def test_a_replacement_that_is_refused_records_nothing(settings: Settings) -> None:
    """Guards against a changed hour that is skipped by the call that should repair it."""
    with pytest.raises(HourChangedError):
        replace_hour(settings, TABLE, HOUR, [file_of(settings, 3)], {"somebody else's"}, 7)
    assert rebuilt_version(open_table(settings, TABLE), HOUR) is None


def test_the_newest_version_counts_though_its_number_be_smaller(settings: Settings) -> None:
    """Guards against a record that keeps the largest number: versions are hashes, not counts."""
    for version in (9, 2):
        replace(settings, [file_of(settings, 1)], version)
    assert rebuilt_version(open_table(settings, TABLE), HOUR) == 2


def test_an_hour_is_done_only_where_every_table_is(settings: Settings) -> None:
    """Guards against a kill between two tables whose second one is never made good."""
    replace(settings, [file_of(settings, 1)], 7)
    assert hours_done(settings, [HOUR], (TABLE, OTHER), 7) == []
    replace(settings, [], 7, OTHER)  # an hour without rows is done as well
    assert hours_done(settings, [HOUR, "2026-01-01T01"], (TABLE, OTHER), 7) == [HOUR]
    assert hours_done(settings, [HOUR], (TABLE, OTHER), 8) == []


def test_live_positions_outlive_a_rebuild(settings: Settings) -> None:
    """Guards against a replacement that makes the committer forget, or repeat, live flushes."""
    live = Batch({0: 0}, {0: 5}, [file_of(settings, 5)], origin=True)
    appender = TableAppender(settings, TABLE, "test")
    assert appender.commit([live]) == 5
    replace(settings, [file_of(settings, 4)], 7)
    assert appender.commit([live]) == 0
    assert recorded_versions(open_table(settings, TABLE), "test", [0]) == {0: 5}
    assert open_table(settings, TABLE).count() == 4


def test_an_hour_that_bronze_lacks_is_refused(settings: Settings) -> None:
    """Guards against a rebuild from nothing, which would empty the hour."""
    with pytest.raises(HourWithoutBronzeError, match=HOUR):
        refuse_without_bronze(settings, [HOUR])


def test_the_version_is_of_the_content_and_of_what_a_step_depends_on(settings: Settings) -> None:
    """Guards against hours that are skipped although a threshold changed, or never skipped."""
    version = rebuild_version(settings)
    assert version == rebuild_version(settings.model_copy(update={"flush_seconds": 1.0}))
    assert version != rebuild_version(settings.model_copy(update={"oldest_event_days": 366}))
    assert 0 <= version < 2**63


def test_every_pattern_of_sources_finds_files() -> None:
    """Guards against a folder that was moved and then is in no version."""
    package = Path(versions.__file__).resolve().parents[1]
    for pattern in versions._CODE:
        assert list(package.glob(pattern)), pattern
    for pattern in versions._DECLARED:
        assert list(PROJECT_ROOT.glob(pattern)), pattern


def test_an_hour_is_whole_once_all_groups_told(settings: Settings, tmp_path: Path) -> None:
    """Guards against an hour replaced by one group's rows."""
    shares = Shares(tmp_path / "rebuilds" / "one")
    shares.create()
    first, second = file_of(settings, 1), file_of(settings, 2)
    shares.tell(HOUR, 0, [first])
    assert shares.of_hour(HOUR, 2) is None
    shares.tell(HOUR, 1, [second])
    assert shares.of_hour(HOUR, 2) == [first, second]
    assert (shares.count(), shares.is_told(HOUR, 1), shares.is_told(HOUR, 2)) == (2, True, False)
    shares.remove()
    assert not shares.folder.exists()


def test_a_group_whose_process_fails_fails_its_task_with_the_reason(tmp_path: Path) -> None:
    """Guards against a rebuild that waits for an hour that nobody will tell."""
    task = GroupTask(str(tmp_path), [HOUR], [TABLE], 0, 1, candidate="..")
    with pytest.raises(GroupFailedError, match=r"(?s)group 0: .*no name for a candidate"):
        run_group(task)
