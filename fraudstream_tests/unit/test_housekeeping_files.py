"""Vacuum, orphans, logs and versions: only what nobody needs goes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from fraudstream_platform.lake.actions import held_files
from fraudstream_platform.lake.commit import Batch, TableAppender
from fraudstream_platform.lake.compaction import (
    compact_partition,
    plan_bins,
)
from fraudstream_platform.lake.delta_log import log_size, tidy_log
from fraudstream_platform.lake.files import write_file
from fraudstream_platform.lake.orphans import sweep
from fraudstream_platform.lake.tables import (
    PROFILES,
    create_tables,
    log_properties,
    open_table,
    table_uri,
)
from fraudstream_platform.lake.vacuum import Removed, let_go, remove_files, vacuum_table
from fraudstream_platform.lake.versions import outdated, prune_versions
from fraudstream_platform.settings import Settings
from fraudstream_tests.unit.lakes import (
    TABLE,
    age,
    commit,
    flush,
    new_lake,
    offsets,
    parquet_files,
)

pytestmark = pytest.mark.unit
MERCHANTS = "gold.profiles_merchants"
FUTURE_S = 1e12


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return new_lake(tmp_path)


def compact(settings: Settings) -> None:
    files = held_files(open_table(settings, TABLE), "hour")
    compact_partition(settings, TABLE, plan_bins(files, 1 << 20))


def test_pending_files_survive_a_vacuum(settings: Settings) -> None:
    """Guards against a flush whose files vanish before the committer adds them."""
    commit(settings, flush(settings, 0, 10), flush(settings, 10, 20))
    pending = flush(settings, 20, 30)
    age(settings, pending.files[0].path, 1000)
    compact(settings)
    gone = let_go(open_table(settings, TABLE), 0)
    assert remove_files(settings, TABLE, gone).files == 2
    assert len(parquet_files(settings)) == 2
    assert commit(settings, pending) == 10
    assert offsets(settings) == list(range(30))


def test_a_file_let_go_of_stays_while_a_reader_may_need_it(settings: Settings) -> None:
    """Guards against a query that fails halfway because its files were joined meanwhile."""
    commit(settings, flush(settings, 0, 10), flush(settings, 10, 20))
    compact(settings)
    assert vacuum_table(settings, TABLE) == Removed()
    assert len(parquet_files(settings)) == 3


def test_a_repeat_after_vacuum_and_log_cleanup_adds_nothing(settings: Settings) -> None:
    """Guards against recorded positions that leave with the commits that recorded them, and against
    a repeat that asks for a file that was compacted and removed.
    """
    batches = [flush(settings, n * 10, n * 10 + 10) for n in range(3)]
    commit(settings, *batches)
    compact(settings)
    remove_files(settings, TABLE, let_go(open_table(settings, TABLE), 0))
    expire_log(settings)
    assert commit(settings, *batches) == 0
    assert commit(settings, flush(settings, 30, 40)) == 10
    assert offsets(settings) == list(range(40))


def expire_log(settings: Settings) -> None:
    """Tidy the log as if all of its commits were a month old."""
    tidy_log(settings, TABLE)
    log = Path(table_uri(settings, TABLE)) / "_delta_log"
    for entry in log.iterdir():
        age(settings, f"_delta_log/{entry.name}", 24 * 31)
    tidy_log(settings, TABLE)


def test_a_log_stays_short(settings: Settings) -> None:
    """Guards against 20,000 files a day that every opening of the table looks at."""
    for number in range(30):
        commit(settings, flush(settings, number, number + 1))
    assert log_size(settings, TABLE).files > 30
    expire_log(settings)
    assert log_size(settings, TABLE).files <= 5
    assert offsets(settings) == list(range(30))
    assert commit(settings, flush(settings, 30, 31)) == 1


def test_tables_made_before_get_the_properties(settings: Settings) -> None:
    """Guards against a lake made by an older release whose logs nobody cuts."""
    later = settings.model_copy(update={"delta_log_kept_hours": 7})
    tidy_log(later, TABLE)
    has = open_table(settings, TABLE).metadata().configuration
    assert log_properties(later).items() <= has.items()
    version = open_table(settings, TABLE).version()
    tidy_log(later, TABLE)
    assert open_table(settings, TABLE).version() == version


def nothing_journaled() -> Iterator[tuple[str, str]]:
    return iter(())


def test_an_old_file_that_nobody_names_goes(settings: Settings) -> None:
    """Guards against a disk filled by writers that were killed."""
    commit(settings, flush(settings, 0, 10))
    orphan = flush(settings, 10, 20).files[0]
    age(settings, orphan.path, 100)
    removed = sweep(settings, before(72), nothing_journaled)
    assert removed == {TABLE: Removed(1, orphan.size)}
    assert offsets(settings) == list(range(10))


def before(hours: float) -> float:
    import time

    return time.time() - hours * 3600


def test_a_file_that_the_journal_names_is_no_orphan(settings: Settings) -> None:
    """Guards against rows lost where the committer has been away for longer than the age."""
    pending = flush(settings, 0, 10)
    age(settings, pending.files[0].path, 1000)
    named = [(TABLE, pending.files[0].path)]
    assert sweep(settings, before(72), lambda: named) == {}
    assert commit(settings, pending) == 10


def test_a_young_file_is_no_orphan(settings: Settings) -> None:
    """Guards against a flush swept between its writing and its journal record."""
    pending = flush(settings, 0, 10)
    assert sweep(settings, before(72), nothing_journaled) == {}
    assert commit(settings, pending) == 10


def test_what_a_table_has_or_had_is_no_orphan(settings: Settings) -> None:
    """Guards against a sweep that takes what a reader of an older version still reads."""
    commit(settings, flush(settings, 0, 10), flush(settings, 10, 20))
    compact(settings)
    assert sweep(settings, FUTURE_S, nothing_journaled) == {}
    assert len(parquet_files(settings)) == 3


def test_a_file_committed_while_the_journal_is_read_is_no_orphan(settings: Settings) -> None:
    """Guards against names read in the wrong order: in the table too early, in the journal too late."""
    pending = flush(settings, 0, 10)

    def journaled() -> Iterator[tuple[str, str]]:
        commit(settings, pending)  # and its record is trimmed at once
        return nothing_journaled()

    sweep(settings, FUTURE_S, journaled)
    assert offsets(settings) == list(range(10))


def test_the_newest_versions_stay() -> None:
    """Guards against an order of versions that is not that of their time."""
    versions = ["2026-03-02T00-00-00.000", "2026-03-01T23-59-00.000", "2026-03-02T00-03-00.000"]
    assert outdated(versions, 2) == {"2026-03-01T23-59-00.000"}
    assert outdated(versions, 5) == set()


def test_pruned_versions_leave_their_table_and_then_the_disk(tmp_path: Path) -> None:
    """Guards against a profile table that grows by a version every three minutes."""
    settings = Settings(_env_file=None, data_dir=tmp_path, profile_versions_kept=2)
    create_tables(settings)
    row = pl.DataFrame({"merchant_id": ["A"]}, schema_overrides=PROFILES[MERCHANTS])
    rows = pl.concat([PROFILES[MERCHANTS].to_frame(), row], how="diagonal")
    appender = TableAppender(settings, MERCHANTS, "test")
    for number in range(5):
        file = write_file(settings, MERCHANTS, f"v{number}", rows)
        appender.commit([Batch({0: number}, {0: number + 1}, [file], origin=number == 0)])
    assert prune_versions(settings, MERCHANTS) == (3, 2)
    assert prune_versions(settings, MERCHANTS) == (0, 2)
    table = open_table(settings, MERCHANTS)
    assert {file.partition for file in held_files(table, "version")} == {"v3", "v4"}
    assert len(let_go(table, 0)) == 3
    file = write_file(settings, MERCHANTS, "v5", rows)
    assert appender.commit([Batch({0: 5}, {0: 6}, [file])]) == 1
