"""The journal's retention and the snapshots that it names: pure decisions."""

from __future__ import annotations

from pathlib import Path

import pytest

from fraudstream_platform.drain.journal import Entry, SnapshotRef, Term
from fraudstream_platform.drain.resume import Standing, standing_of
from fraudstream_platform.drain.sealed import sealed_hours
from fraudstream_platform.drain.snapshot import KEEP_SECONDS, fault_of, snapshot_version
from fraudstream_platform.housekeeping.journal import KEPT_RECORDS, plan_trim
from fraudstream_platform.housekeeping.snapshots import unnamed
from fraudstream_platform.lake.hours import hour_end_ms

pytestmark = pytest.mark.unit
HOUR_MS = 3_600_000


def flushes(first: int, count: int = KEPT_RECORDS) -> list[Entry]:
    """Complete records at journal offsets first, first + 2, ..; each moves partition 0 by 100."""
    return [
        Entry("flush", 0, Term(0, 1, 0), "r", 0, flushed={0: 100 * n}, journal_offset=first + 2 * n)
        for n in range(count)
    ]


def test_old_records_that_the_tables_have_passed_go() -> None:
    """Guards against a journal that grows for ever."""
    trim = plan_trim(0, 5, 400, flushes(1000), {0: 10_000})
    assert (trim.before, trim.to, trim.offsets) == (5, 400, 395)


def test_the_newest_records_stay_however_old() -> None:
    """A system switched on after a week's rest: guards against a group whose owner, positions and
    snapshots are gone, which would begin at the log's beginning.
    """
    assert plan_trim(0, 5, 10_000, flushes(1000), {0: 10_000}).to == 1000
    short = plan_trim(0, 5, 10_000, flushes(1000, 99), {0: 10_000})
    assert short.to == 5


def test_nothing_goes_that_a_table_has_not_passed() -> None:
    """Guards against flushes lost for a table that lags: its committer reads them back."""
    entries = flushes(1000)
    entries[0] = Entry("flush", 0, Term(0, 1, 0), "r", 0, flushed={0: 70}, journal_offset=1000)
    assert plan_trim(0, 5, 400, entries, {0: 69}).to == 5
    assert plan_trim(0, 5, 400, entries, {0: 70}).to == 400
    assert plan_trim(0, 5, 400, entries, {}).to == 5
    assert plan_trim(0, 5, 400, entries, None).to == 5


def test_a_trim_never_goes_back() -> None:
    """Guards against a request below the log's start, which the broker refuses."""
    trim = plan_trim(0, 500, 400, flushes(1000), {0: 10_000})
    assert trim.offsets == 0


def standing(window: int, *, final_stop: int | None = None) -> Standing:
    entry = Entry(
        "owner" if final_stop is None else "final", 0, Term(window, 1, 0), "r", final_stop or 0
    )
    found = standing_of([entry])
    assert found is not None
    return found


def test_hours_are_closed_where_every_group_is_past_them() -> None:
    """Guards against compacting, hour by hour, what a slow group still writes to."""
    hours = ["2026-01-01T00", "2026-01-01T01", "2026-01-01T02"]
    end = hour_end_ms(hours[0])
    late = end + 10 * HOUR_MS
    ahead, behind = standing(end + HOUR_MS), standing(end)
    assert sealed_hours(hours, [ahead, behind], late) == hours[:1]
    assert sealed_hours(hours, [ahead, ahead], late) == hours[:2]
    assert sealed_hours(hours, [ahead, None], late) == []
    closing = standing(end - 60_000, final_stop=end)
    assert sealed_hours(hours, [closing, ahead], late) == hours[:1]
    assert sealed_hours(hours, [ahead, ahead], end) == hours[:1]


def test_a_snapshot_goes_once_it_is_neither_named_nor_young() -> None:
    """Guards against a fall-back removed while the journal names it, or before it does."""
    now = 1e9
    files = [("named", 0.0), ("young", now - KEEP_SECONDS + 1), ("left", now - KEEP_SECONDS - 1)]
    assert unnamed(files, ["named"], now) == ["left"]


def test_a_damaged_snapshot_is_told(tmp_path: Path) -> None:
    """Guards against a fall-back that nobody knows is gone until it is needed."""
    path = tmp_path / "one.npz"
    ref = SnapshotRef(str(path), "0" * 64, snapshot_version(), {0: 1})
    assert fault_of(ref) == "cannot be read: No such file or directory"
    path.write_bytes(b"torn")
    assert fault_of(ref) == "is corrupt (SHA-256 differs)"
    other = SnapshotRef(str(path), "0" * 64, "older", {0: 1})
    assert fault_of(other) == "holds another state, older"
