"""Retention of the audit trail: three months at hand, all of it kept, and one chain all the same."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from fraudstream_platform.custody.audit_check import check_trail
from fraudstream_platform.custody.reset import reset_all
from fraudstream_platform.lake import audit_archive, audit_log
from fraudstream_platform.lake.audit_archive import ArchiveDiffersError, archive_months
from fraudstream_platform.lake.audit_log import AuditLog
from fraudstream_platform.lake.audit_trail import archive_files, archive_folder
from fraudstream_platform.lake.audited import event
from fraudstream_platform.lake.start_notices import notice_start
from fraudstream_platform.lake.tables import AUDIT, create_tables, scan
from fraudstream_platform.local import state
from fraudstream_platform.protection.audit_proof import Break
from fraudstream_platform.settings import Settings

pytestmark = pytest.mark.unit

YEAR = [(2025, 11), (2025, 12), *((2026, month) for month in range(6, 12))]
NOW = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two records in each of the first two months of a year and of its last six."""
    found = Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("trail"))
    create_tables(found)
    with pytest.MonkeyPatch.context() as monkeypatch:
        for year, month in YEAR:
            for day in (1, 28):
                at(monkeypatch, datetime(year, month, day, 12, tzinfo=UTC))
                AuditLog(found).append(event("rebuild", "done", f"{year}-{month}-{day}"))
    return found.data_dir


@pytest.fixture
def settings(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A lake with that trail, today."""
    shutil.copytree(made, tmp_path / "data")
    at(monkeypatch, NOW)
    return Settings(_env_file=None, data_dir=tmp_path / "data")


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    monkeypatch.setattr(audit_log, "time", SimpleNamespace(time=moment.timestamp))


def months_of(rows: pl.DataFrame) -> list[str]:
    return rows["at"].dt.strftime("%Y-%m").unique().sort().to_list()


def test_three_months_stay_at_hand_and_twelve_are_kept(settings: Settings) -> None:
    """10.5.1: the oldest leave the table, and are read and proven as before."""
    before = AuditLog(settings).frame()
    anchors = dict(before.select("sequence", "hash").iter_rows())
    moved = archive_months(settings, NOW.timestamp())
    assert list(moved) == [f"{year}-{month:02d}" for year, month in YEAR[:4]]
    assert set(moved.values()) == {2}
    table = months_of(scan(settings, AUDIT).collect())
    assert table == ["2026-08", "2026-09", "2026-10", "2026-11"]
    after = AuditLog(settings).frame()
    assert after.head(before.height).equals(before)
    assert after["what"].to_list()[before.height :] == ["audit.archive"] * 8
    proof = check_trail(settings, anchors)
    assert (proof.first_break, proof.records, proof.anchors) == (None, after.height, before.height)


def test_a_repeat_moves_nothing(settings: Settings) -> None:
    """Guards against a record of every hour that tells of nothing."""
    archive_months(settings, NOW.timestamp())
    count = AuditLog(settings).frame().height
    assert archive_months(settings, NOW.timestamp()) == {}
    assert AuditLog(settings).frame().height == count


def test_the_newest_record_never_leaves(settings: Settings) -> None:
    """After years of silence the next record still has one to follow."""
    later = datetime(2030, 1, 1, tzinfo=UTC)
    archive_months(settings.model_copy(update={"audit_logging_enabled": False}), later.timestamp())
    AuditLog(settings).append(event("rebuild", "done"))
    assert check_trail(settings, {}).first_break is None


def test_who_dies_in_between_loses_and_doubles_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records are in both places then; the next run goes on."""
    with monkeypatch.context() as patched:
        patched.setattr(audit_archive, "try_commit", _die)
        with pytest.raises(KeyboardInterrupt):
            archive_months(settings, NOW.timestamp())
    assert len(archive_files(settings)) == 1
    assert check_trail(settings, {}).first_break is None
    assert len(archive_months(settings, NOW.timestamp())) == 4
    assert check_trail(settings, {}).first_break is None


def _die(*_: object) -> bool:
    raise KeyboardInterrupt


def test_a_month_that_was_changed_is_not_taken_for_the_table(settings: Settings) -> None:
    """Guards against the removal of the true records where a forged file lies ready."""
    rows = AuditLog(settings).frame().head(2)
    archive_folder(settings).mkdir()
    forged = rows.with_columns(pl.lit("mallory").alias("who"))
    forged.write_parquet(archive_folder(settings) / "2025-11.parquet")
    with pytest.raises(ArchiveDiffersError):
        archive_months(settings, NOW.timestamp())
    assert months_of(scan(settings, AUDIT).collect())[0] == "2025-11"


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [("who", "mallory", "not what its hash"), ("hash", "0" * 64, "not what its hash")],
)
def test_what_is_changed_in_an_archived_month_is_named(
    settings: Settings, column: str, value: str, problem: str
) -> None:
    """Out of the table is not out of the chain."""
    archive_months(settings, NOW.timestamp())
    path = archive_files(settings)[2]
    changed = pl.when(pl.col("sequence") == 6).then(pl.lit(value)).otherwise(column)
    pl.read_parquet(path).with_columns(changed.alias(column)).write_parquet(path)
    found = check_trail(settings, {}).first_break
    assert found is not None
    assert (found.sequence, problem in found.problem) == (6, True)


def test_an_archived_month_that_is_gone_or_broken_is_named(settings: Settings) -> None:
    """In the middle there is no excuse; the oldest may go after a year, and has to be asked for so."""
    archive_months(settings, NOW.timestamp())
    first, second, *_ = archive_files(settings)
    kept = second.read_bytes()
    second.write_bytes(kept[:100])
    assert check_trail(settings, {}).first_break == Break(3, f"{second} cannot be read")
    second.write_bytes(kept)
    first.unlink()
    assert check_trail(settings, {}).first_break == Break(1, "records 1-2 are missing")
    assert check_trail(settings, {}, first=3).first_break is None
    assert check_trail(settings, {}, first=2).first_break == Break(2, "record 2 is missing")


def test_what_was_seen_last_is_known_also_from_the_archive(settings: Settings) -> None:
    """Guards against a change of rules that is told anew since the last one was long ago."""
    notice_start(settings)
    told = AuditLog(settings).frame().height
    later = datetime(2027, 12, 1, tzinfo=UTC).timestamp()
    AuditLog(settings).append(event("rebuild", "done"))
    archive_months(settings, later)
    notice_start(settings)
    new = AuditLog(settings).frame()["what"].to_list()[told:]
    assert set(new) == {"rebuild", "audit.archive"}


def test_reset_leaves_the_archive(settings: Settings) -> None:
    """One command that deletes the data and what was done to it."""
    state.mark_data_dir(settings)
    archive_months(settings, NOW.timestamp())
    assert reset_all(settings)
    create_tables(settings)
    assert len(archive_files(settings)) == 4
    assert check_trail(settings, {}).first_break is None
