"""Compaction: other files, the same rows, and every batch still exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from fraudstream_platform.defs.latest import newest_rows_s
from fraudstream_platform.housekeeping.compact import plan_table
from fraudstream_platform.lake.actions import HeldFile, held_files
from fraudstream_platform.lake.commit import Batch, TableAppender
from fraudstream_platform.lake.compaction import (
    Compacted,
    compact_partition,
    plan_bins,
)
from fraudstream_platform.lake.content import content_of
from fraudstream_platform.lake.files import DataFile
from fraudstream_platform.lake.joining import join_files
from fraudstream_platform.lake.replace import HourChangedError, hour_files, replace_hour
from fraudstream_platform.lake.tables import open_table, scan, table_uri
from fraudstream_platform.settings import Settings
from fraudstream_tests.unit.lakes import (
    APPLICATION,
    HOUR,
    TABLE,
    commit,
    flush,
    new_lake,
    offsets,
    parquet_files,
)

pytestmark = pytest.mark.unit
MEGABYTE = 1 << 20


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return new_lake(tmp_path)


def held(*sizes: int, hour: str = HOUR) -> list[HeldFile]:
    return [HeldFile(f"{hour}/{n}", hour, size, 1, n) for n, size in enumerate(sizes)]


def compact(settings: Settings, hour: str = HOUR) -> Compacted:
    files = [
        one for one in held_files(open_table(settings, TABLE), "hour") if one.partition == hour
    ]
    return compact_partition(settings, TABLE, plan_bins(files, MEGABYTE))


def sizes_of(bins: Sequence[Sequence[HeldFile]]) -> list[list[int]]:
    return [[file.size for file in one] for one in bins]


def test_neighbours_are_joined_up_to_the_target() -> None:
    """Guards against a file of a whole hour, which no reader can take in parts."""
    assert sizes_of(plan_bins(held(4, 5, 3, 20, 2, 2), 10)) == [[4, 5], [2, 2]]


def test_what_was_joined_is_not_joined_again() -> None:
    """Guards against a lake that is written anew every hour."""
    joined = held(*(sum(one) for one in sizes_of(plan_bins(held(*range(1, 40)), 50))))
    assert plan_bins(joined, 50) == []


def test_a_rewrite_that_saves_little_waits() -> None:
    """Guards against rewriting a large file for each small one that comes."""
    assert plan_bins(held(90, 1, 1), 100, fewest=4) == []
    assert sizes_of(plan_bins(held(90, 1, 1, 1), 100, fewest=4)) == [[90, 1, 1, 1]]


def test_open_hours_are_left_alone() -> None:
    """Guards against compaction and committer taking turns at the hour that is being written."""
    files = [*held(1, 1, 1, 1), *held(1, 1, 1, 1, hour="2026-01-01T01")]
    (bins,) = plan_table(files, "hour", {HOUR}, 0, 100)
    assert {file.partition for one in bins for file in one} == {HOUR}


def test_a_partition_without_hours_is_compacted_once_its_files_rest() -> None:
    """Guards against a vault that keeps a file a commit for ever, as none of its partitions close."""
    files = held(1, 1, 1, 1, 1, hour="card")
    assert plan_table(files, "entity_type", (), 3_600_000, 100) == []
    assert sizes_of(plan_table(files, "entity_type", (), 3_600_004, 100)[0]) == [[1, 1, 1, 1]]


def test_rows_stay_and_files_become_one(settings: Settings) -> None:
    """Guards against rows lost or doubled by a rewrite."""
    commit(settings, *(flush(settings, n * 10, n * 10 + 10) for n in range(6)))
    before = scan(settings, TABLE).collect().sort("offset")
    done = compact(settings)
    assert (done.files_before, done.files_after, done.rows) == (6, 1, 60)
    after = scan(settings, TABLE).collect().sort("offset")
    assert after.equals(before)
    assert after.schema == before.schema
    assert len(hour_files(settings, TABLE, HOUR)) == 1


def test_a_compaction_between_a_commit_and_its_repeat_changes_nothing(settings: Settings) -> None:
    """A committer that died after its commit is repeated by its successor. Guards against a repeat
    that looks new, because the files that it brings are in the table no more.
    """
    batches = [flush(settings, n * 10, n * 10 + 10) for n in range(4)]
    dying = TableAppender(settings, TABLE, APPLICATION)
    assert dying.commit(batches[:3]) == 30
    compact(settings)
    after = scan(settings, TABLE).collect().sort("offset")
    assert dying.commit(batches[:3]) == 0
    assert commit(settings, *batches[:3]) == 0
    assert scan(settings, TABLE).collect().sort("offset").equals(after)
    assert dying.commit(batches) == 10
    assert commit(settings, *batches) == 0
    assert offsets(settings) == list(range(40))


def test_an_append_between_two_looks_of_a_compaction_is_kept(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against a compaction that commits on what it saw before the committer came."""
    commit(settings, *(flush(settings, n * 10, n * 10 + 10) for n in range(3)))
    late = flush(settings, 30, 40)

    def meanwhile(sources: Sequence[Path], target: Path) -> int:
        commit(settings, late)
        return join_files(sources, target)

    monkeypatch.setattr("fraudstream_platform.lake.compaction.join_files", meanwhile)
    assert compact(settings).is_changed_meanwhile is False
    assert offsets(settings) == list(range(40))
    assert len(hour_files(settings, TABLE, HOUR)) == 2


def test_a_rebuild_that_began_before_a_compaction_still_replaces_its_hour(
    settings: Settings,
) -> None:
    """Guards against hours of rebuilding thrown away because files, not rows, had changed."""
    commit(settings, *(flush(settings, n * 10, n * 10 + 10) for n in range(3)))
    seen = hour_files(settings, TABLE, HOUR)
    rebuilt = flush(settings, 100, 120).files
    compact(settings)
    replace_hour(settings, TABLE, HOUR, rebuilt, seen, 1)
    assert offsets(settings) == list(range(100, 120))
    assert hour_files(settings, TABLE, HOUR) == {rebuilt[0].path}


def test_a_rebuild_leaves_an_hour_that_got_rows_beside_a_compaction(settings: Settings) -> None:
    """Guards against rows that come during a rebuild and vanish because a compaction hid them."""
    commit(settings, *(flush(settings, n * 10, n * 10 + 10) for n in range(3)))
    seen = hour_files(settings, TABLE, HOUR)
    commit(settings, flush(settings, 30, 40))
    compact(settings)
    with pytest.raises(HourChangedError):
        replace_hour(settings, TABLE, HOUR, flush(settings, 100, 120).files, seen, 1)
    assert offsets(settings) == list(range(40))


def test_a_compaction_gives_way_to_a_rebuild(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against old rows that a compaction brings back beside the rebuilt ones."""
    commit(settings, *(flush(settings, n * 10, n * 10 + 10) for n in range(3)))
    seen = hour_files(settings, TABLE, HOUR)
    rebuilt = flush(settings, 100, 120).files

    def meanwhile(sources: Sequence[Path], target: Path) -> int:
        replace_hour(settings, TABLE, HOUR, rebuilt, seen, 1)
        return join_files(sources, target)

    monkeypatch.setattr("fraudstream_platform.lake.compaction.join_files", meanwhile)
    on_disk = parquet_files(settings)
    assert compact(settings).is_changed_meanwhile
    assert offsets(settings) == list(range(100, 120))
    assert parquet_files(settings) == on_disk


def test_a_full_disk_leaves_the_table_and_no_file(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against half a file that the next compaction, or a reader, takes for a whole one."""
    commit(settings, *(flush(settings, n * 10, n * 10 + 10) for n in range(3)))
    on_disk = parquet_files(settings)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        compact(settings)
    assert parquet_files(settings) == on_disk
    assert offsets(settings) == list(range(30))


def test_content_is_the_same_however_files_were_joined(settings: Settings) -> None:
    """Guards against a second compaction whose mark says something else than the first one's."""
    commit(settings, *(flush(settings, n * 10, n * 10 + 10) for n in range(3)))
    content = content_of(hour_files(settings, TABLE, HOUR))
    compact(settings)
    commit(settings, late := flush(settings, 30, 40))
    more = content_of([*hour_files(settings, TABLE, HOUR)])
    assert more == (content + content_of([late.files[0].path])) % (1 << 128)
    compact(settings)
    assert content_of(hour_files(settings, TABLE, HOUR)) == more != content


def test_a_column_that_came_later_is_null_before(tmp_path: Path) -> None:
    """Guards against a column dropped from all rows because the first file lacks it."""
    old, new, joined = (tmp_path / f"{name}.parquet" for name in ("old", "new", "joined"))
    pl.DataFrame({"offset": [1]}).write_parquet(old)
    pl.DataFrame({"offset": [2], "late": ["x"]}).write_parquet(new)
    assert join_files([old, new], joined) == 2
    assert pl.read_parquet(joined).rows() == [(1, None), (2, "x")]


def test_compaction_is_no_sign_of_new_rows(settings: Settings) -> None:
    """Guards against marts built anew after each housekeeping, or never again because the newest
    commit of a table brought no rows.
    """
    commit(settings, *(flush(settings, n * 10, n * 10 + 10) for n in range(3)))
    came = newest_rows_s(settings, [TABLE])
    assert came is not None
    compact(settings)
    assert newest_rows_s(settings, [TABLE]) == came


def test_the_joined_file_says_how_many_rows_it_has(settings: Settings) -> None:
    """Guards against counts of rows, which go by the log, that forget what was compacted."""
    commit(settings, *(flush(settings, n * 10, n * 10 + 10) for n in range(3)))
    compact(settings)
    assert open_table(settings, TABLE).count() == 30
    (file,) = held_files(open_table(settings, TABLE), "hour")
    path = Path(table_uri(settings, TABLE)) / file.path
    assert path.stat().st_size == file.size


def test_batches_of_another_table_are_no_concern(settings: Settings) -> None:
    """Guards against a batch that is refused where a table got no file of it."""
    empty = Batch({0: 0}, {0: 5}, [], origin=True)
    assert commit(settings, empty) == 0
    assert commit(settings, flush(settings, 5, 9)) == 4
    files: list[DataFile] = []
    assert commit(settings, Batch({0: 9}, {0: 12}, files)) == 0
    assert offsets(settings) == [5, 6, 7, 8]
