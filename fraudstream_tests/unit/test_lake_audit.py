"""The audit trail as a table: never forked, never quietly changed, and nothing happens without it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from fraudstream_platform.custody.audit_check import check_trail
from fraudstream_platform.custody.reset import reset_all
from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.audit_log import AuditFailedError, AuditLog
from fraudstream_platform.lake.audited import audited, event
from fraudstream_platform.lake.rewrite import file_paths
from fraudstream_platform.lake.start_notices import notice_start
from fraudstream_platform.lake.tables import AUDIT, create_tables, scan, table_uri
from fraudstream_platform.local import state
from fraudstream_platform.protection.audit_proof import Break
from fraudstream_platform.settings import Settings

pytestmark = pytest.mark.unit

RIVALS, EACH = 2, 12


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = Settings(_env_file=None, data_dir=tmp_path / "data")
    create_tables(found)
    return found


def append(settings: Settings, count: int) -> None:
    for number in range(count):
        AuditLog(settings).append(event("rebuild", "done", f"hour {number}"))


def append_at_once(settings: Settings, barrier: Barrier) -> None:
    """One of several processes, begun together."""
    log = AuditLog(settings)
    barrier.wait()
    for number in range(EACH):
        log.append(event("rebuild", "done", f"hour {number}"))


def test_processes_that_append_at_once_never_fork_the_chain(settings: Settings) -> None:
    """Two records that follow the same one: either could be dropped without a trace."""
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(RIVALS)
    rivals = [spawn.Process(target=append_at_once, args=(settings, barrier)) for _ in range(RIVALS)]
    for rival in rivals:
        rival.start()
    for rival in rivals:
        rival.join(120)
    assert [rival.exitcode for rival in rivals] == [0] * RIVALS
    proof = check_trail(settings, {})
    assert (proof.records, proof.first_break) == (RIVALS * EACH, None)
    assert AuditLog(settings).frame()["origin"].n_unique() == RIVALS
    on_disk = len(list(Path(table_uri(settings, AUDIT)).rglob("*.parquet")))
    assert on_disk == RIVALS * EACH, "the files of lost attempts are gone"


def one_byte(rows: pl.DataFrame) -> pl.DataFrame:
    changed = pl.col("resource").str.replace("hour 3", "hour 8")
    return rows.with_columns(changed)


def one_row_less(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("sequence") != 4)


def two_rows_swapped(rows: pl.DataFrame) -> pl.DataFrame:
    number = pl.col("sequence")
    return rows.with_columns(number.replace({4: 5, 5: 4}))


def tail_cut_off(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("sequence") <= 4)


@pytest.mark.parametrize(
    ("tamper", "sequence", "problem"),
    [
        (one_byte, 4, "not what its hash"),
        (one_row_less, 4, "record 4 is missing"),
        (two_rows_swapped, 4, "not what its hash"),
        (tail_cut_off, 5, "record 6 is anchored, the last is 4"),
    ],
)
def test_a_table_that_was_tampered_with_names_its_first_broken_link(
    settings: Settings,
    tamper: Callable[[pl.DataFrame], pl.DataFrame],
    sequence: int,
    problem: str,
) -> None:
    """Whoever can write the lake could clean up behind themselves."""
    append(settings, 6)
    anchors = {6: AuditLog(settings).head().hash}
    assert check_trail(settings, anchors).first_break is None
    rows = tamper(scan(settings, AUDIT).sort("sequence").collect())
    write_deltalake(table_uri(settings, AUDIT), rows.to_arrow(), mode="overwrite")
    broken = check_trail(settings, anchors).first_break
    assert broken is not None
    assert (broken.sequence, problem in broken.problem) == (sequence, True), broken


def test_a_file_with_a_byte_changed_is_found_or_reads_as_before(settings: Settings) -> None:
    """The bytes on disk are what somebody can reach; a proof that crashes on them proves nothing."""
    append(settings, 3)
    whole = list(AuditLog(settings).records())
    path = Path(table_uri(settings, AUDIT)) / file_paths(settings, AUDIT)[-1]
    original = path.read_bytes()
    found = 0
    for place in range(4, len(original), len(original) // 12):
        path.write_bytes(original[:place] + bytes([original[place] ^ 1]) + original[place + 1 :])
        broken = check_trail(settings, {}).first_break
        if broken is None:
            assert list(AuditLog(settings).records()) == whole
        else:
            found += 1
            assert isinstance(broken, Break)
    assert found
    path.write_bytes(original)


def test_files_compacted_into_one_stay_the_same_chain(settings: Settings) -> None:
    """A chain that depends on files could never be kept for a year."""
    append(settings, 5)
    head = AuditLog(settings).head()
    DeltaTable(table_uri(settings, AUDIT)).optimize.compact()
    assert len(file_paths(settings, AUDIT)) == 1
    append(settings, 1)
    assert check_trail(settings, {5: head.hash}).first_break is None
    assert AuditLog(settings).head().sequence == 6


def test_nothing_is_done_where_its_beginning_cannot_be_recorded(tmp_path: Path) -> None:
    """An action without a record is what the trail is to rule out."""
    done = False
    with (
        pytest.raises(AuditFailedError, match="fraudstream setup"),
        audited(Settings(_env_file=None, data_dir=tmp_path / "none"), "rebuild"),
    ):
        done = True
    assert not done


def test_an_action_leaves_its_beginning_and_its_end(settings: Settings) -> None:
    """A failure that looks like an action that still goes on."""
    with audited(settings, "rebuild", "hour") as ending:
        ending.detail = "7 rows"
    with pytest.raises(ZeroDivisionError), audited(settings, "rebuild", "hour"):
        _ = 1 // 0
    rows = AuditLog(settings).frame().select("what", "outcome", "detail").rows()
    assert rows == [
        ("rebuild", "begun", ""),
        ("rebuild", "done", "7 rows"),
        ("rebuild", "begun", ""),
        ("rebuild", "failed", "ZeroDivisionError"),
    ]


def test_a_start_records_what_changed_since_the_last_one_and_nothing_else(
    settings: Settings,
) -> None:
    """A rule set or setting that changed hands unseen; or a record every two minutes of nothing."""
    for _ in range(2):
        notice_start(settings)
    first = AuditLog(settings).frame()["what"].to_list()
    assert first == ["audit.start", "rules.change", "settings.change"]
    clear = settings.model_copy(update={"allow_clear_pii": True})
    notice_start(clear)
    last = AuditLog(settings).frame().tail(1).row(0, named=True)
    assert (last["what"], last["resource"]) == ("settings.change", "ALLOW_CLEAR_PII")
    assert settings.vault_key.get_secret_value() not in last["detail"]
    notice_start(clear, "x-1")
    last = AuditLog(settings).frame().tail(1).row(0, named=True)
    assert (last["what"], last["resource"]) == ("rules.change", "x-1")


def test_switching_the_log_off_is_the_last_thing_that_it_holds(settings: Settings) -> None:
    """A gap of a week that nobody can date."""
    notice_start(settings)
    off = settings.model_copy(update={"audit_logging_enabled": False})
    for _ in range(2):
        notice_start(off)
        with audited(off, "rebuild"):
            pass
    notice_start(settings)
    what = AuditLog(settings).frame()["what"].to_list()
    assert what[:1] + what[3:5] == ["audit.start", "audit.stop", "audit.start"]


def test_reset_is_recorded_and_leaves_the_trail(settings: Settings) -> None:
    """One command that deletes the data and the proof of who deleted it."""
    state.mark_data_dir(settings)
    (settings.data_dir / "kafka").mkdir()
    append(settings, 2)
    assert reset_all(settings)
    assert {path.name for path in settings.data_dir.iterdir()} == {".fraudstream-data", "lake"}
    assert {path.name for path in (settings.data_dir / "lake").iterdir()} == {"audit"}
    create_tables(settings)
    rows = AuditLog(settings).frame()
    assert rows["outcome"].to_list()[2:] == ["begun", "done"]
    assert check_trail(settings, {}).first_break is None
    assert not reset_all(settings, with_audit_trail=True)
    assert not settings.data_dir.exists()


def test_production_never_deletes_the_trail(settings: Settings) -> None:
    """The option that is meant for `make clean` in an intruder's hands."""
    production = settings.model_copy(update={"environment": "production"})
    with pytest.raises(UserError, match="in production"):
        reset_all(production, with_audit_trail=True)
