"""Candidates: rebuilt hours that stand beside the live ones until they are promoted."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl
import pytest

from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.files import write_file
from fraudstream_platform.lake.promote import (
    create_candidate,
    hours_to_promote,
    of_candidate,
    promote,
    refuse_other_rules,
    refuse_promoted,
)
from fraudstream_platform.lake.promoted import LIVE, REBUILDABLE, candidate_lake, promoted_hours
from fraudstream_platform.lake.replace import hour_files, replace_hour
from fraudstream_platform.lake.tables import (
    AUDIT,
    HOUR,
    TABLES,
    create_tables,
    open_table,
    scan,
)
from fraudstream_platform.settings import Settings
from fraudstream_platform.warehouse.delta_plugin import create_view

pytestmark = pytest.mark.unit

HOURS = ["2026-03-01T00", "2026-03-01T01", "2026-03-01T02"]
TABLE = "gold.features"


def fill(settings: Settings, hour: str, rules: str, version: int, rows: int = 2) -> None:
    """Make every rebuildable table's hour hold `rows` rows that these rules decided."""
    for table in REBUILDABLE:
        columns = {"rules_version": [rules] * rows, "transaction_id": [rules] * rows}
        told = {name: values for name, values in columns.items() if name in TABLES[table]}
        frame = pl.concat([TABLES[table].to_frame(), pl.DataFrame(told)], how="diagonal_relaxed")
        file = write_file(settings, table, hour, frame)
        replace_hour(settings, table, hour, [file], hour_files(settings, table, hour), version)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Three live hours, and a candidate `strict` of the first two."""
    found = Settings(_env_file=None, data_dir=tmp_path)
    create_tables(found)
    create_candidate(found, "strict")
    for hour in HOURS:
        fill(found, hour, "default-1", 1)
    for hour in HOURS[:2]:
        fill(of_candidate(found, "strict"), hour, "strict-2", 2, rows=3)
    return found


def seen(settings: Settings) -> dict[str, list[str]]:
    """Rules that decided the rows that readers see, by hour."""
    rows = scan(settings, TABLE).select(HOUR, "rules_version").collect().sort(HOUR)
    return {hour: part["rules_version"].to_list() for (hour,), part in rows.group_by(HOUR)}


def seen_by_marts(settings: Settings) -> dict[str, list[str]]:
    connection = duckdb.connect()
    create_view(connection, settings.lake, TABLE)
    query = 'select hour, rules_version from "gold"."features" order by hour'
    found: dict[str, list[str]] = {}
    for hour, rules in connection.execute(query).fetchall():
        found.setdefault(hour, []).append(rules)
    return found


def test_a_candidate_is_seen_by_nobody_until_it_is_promoted(settings: Settings) -> None:
    """Guards against marts and proofs that mix rows of two rule sets."""
    live = {hour: ["default-1"] * 2 for hour in HOURS}
    assert seen(settings) == seen_by_marts(settings) == live


def test_a_promotion_is_one_commit_that_every_reader_follows(settings: Settings) -> None:
    """Guards against hours or tables that turn one after the other, and against a reader left out."""
    before = open_table(settings, "gold.promotions").version()
    promote(settings, "strict", hours_to_promote(settings, "strict", "", ""))
    assert open_table(settings, "gold.promotions").version() == before + 1
    expected = {HOURS[0]: ["strict-2"] * 3, HOURS[1]: ["strict-2"] * 3, HOURS[2]: ["default-1"] * 2}
    assert seen(settings) == seen_by_marts(settings) == expected
    for table in REBUILDABLE:
        assert scan(settings, table).select(pl.len()).collect().item() == 3 + 3 + 2


def test_what_was_promoted_can_be_taken_back_hour_by_hour(settings: Settings) -> None:
    """Guards against a decision that cannot be undone, or that takes more back than was asked."""
    promote(settings, "strict", HOURS[:2])
    promote(settings, LIVE, hours_to_promote(settings, LIVE, HOURS[1], ""))
    assert promoted_hours(settings.lake) == {HOURS[0]: "strict"}
    assert seen(settings)[HOURS[1]] == seen_by_marts(settings)[HOURS[1]] == ["default-1"] * 2


def test_a_promotion_is_in_the_audit_trail(settings: Settings) -> None:
    """Guards against rows that turn with no record of who turned them."""
    promote(settings, "strict", HOURS[:1])
    trail = scan(settings, AUDIT).filter(pl.col("what") == "promote").collect().sort("sequence")
    assert trail.select("outcome", "resource", "detail").rows() == [
        ("begun", "strict", HOURS[0]),
        ("done", "strict", HOURS[0]),
    ]
    record = scan(settings, "gold.promotions").collect()
    assert record.select(HOUR, "candidate", "rules_version").rows() == [
        (HOURS[0], "strict", "strict-2")
    ]


def test_hours_that_are_not_whole_or_not_of_one_version_are_refused(settings: Settings) -> None:
    """Guards against features of one rule set beside Silver of another, and against holes."""
    strict = of_candidate(settings, "strict")
    file = write_file(strict, TABLE, HOURS[2], TABLES[TABLE].to_frame())
    replace_hour(strict, TABLE, HOURS[2], [file], set(), 2)  # a rebuild that was cut short
    with pytest.raises(UserError, match=f"not have all of hour {HOURS[2]}"):
        promote(settings, "strict", HOURS)
    fill(strict, HOURS[1], "strict-3", 3)
    with pytest.raises(UserError, match="different code or rules"):
        promote(settings, "strict", HOURS[:2])
    with pytest.raises(UserError, match="no candidate 'other'"):
        hours_to_promote(settings, "other", "", "")
    assert promoted_hours(settings.lake) == {}


def test_what_readers_see_is_not_rebuilt_behind_a_promotion(settings: Settings) -> None:
    """Guards against a rebuild that is hidden, and against one that changes what was looked at."""
    promote(settings, "strict", HOURS[:1])
    for name in (LIVE, "strict"):
        with pytest.raises(UserError, match="readers see candidate 'strict'"):
            refuse_promoted(settings, name, HOURS)
    refuse_promoted(settings, "another", HOURS)
    refuse_promoted(settings, LIVE, HOURS[1:])


def test_other_rules_do_not_replace_live_rows(settings: Settings) -> None:
    """Guards against a rebuild with a changed rule set that changes the past at once."""
    with pytest.raises(UserError, match=r"decided by rules default-1.*--as"):
        refuse_other_rules(settings, HOURS, "default-9")
    refuse_other_rules(settings, HOURS, "default-1")


@pytest.mark.parametrize("name", ["live", "Strict", "", "a/b", "..", "x" * 33])
def test_names_that_are_no_folder_or_mean_something_else_are_refused(name: str) -> None:
    """Guards against a candidate outside its folder, or one that no promotion can name."""
    with pytest.raises(UserError, match="no name for a candidate"):
        candidate_lake("/lake", name)
