"""Records that are put through again: what their header says, and what becomes of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, Schema
from typer.testing import CliRunner

from fraudstream_platform.contracts.schemas import ORIGIN_SCHEMA
from fraudstream_platform.contracts.validation import judge
from fraudstream_platform.detection.sample import START, bronze, sample_row
from fraudstream_platform.drain.origins import HEADER, Origin, origin_columns, origin_of
from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.commit import Batch, TableAppender
from fraudstream_platform.lake.files import write_file
from fraudstream_platform.lake.tables import create_tables, full_schema, scan, table_uri
from fraudstream_platform.quarantine import cli
from fraudstream_platform.quarantine.kept import Choice, refusal, waiting
from fraudstream_platform.settings import Settings

HOUR = "2026-01-05T12"


def test_an_origin_comes_back_from_its_header() -> None:
    """Lost on the way, the same record could be put through twice."""
    origin = Origin(1204, 1_780_000_000_000)
    assert origin_of([("trace", b"1"), origin.to_header()]) == origin


@pytest.mark.parametrize(
    "value", [b"", b"7", b"7:8:9", b"-1:5", b"a:b", b"9" * 19 + b":1", b"1:999999999999999", None]
)
def test_a_header_that_cannot_be_read_is_no_origin(value: bytes | None) -> None:
    """Anybody can send one: it must not be a row that no table takes, and end its owner."""
    assert origin_of([(HEADER, value)]) is None


def test_columns_follow_the_rows_that_are_left() -> None:
    """Dead letters between them leave the batch: a shifted origin would name another record."""
    columns = origin_columns({2: Origin(5, 0), 0: Origin(9, 1)}, pl.Series([1, 2, 3]))
    frame = pl.DataFrame(columns)
    assert frame.schema == ORIGIN_SCHEMA
    assert frame["first_offset"].to_list() == [None, 5, None]
    assert pl.DataFrame(origin_columns({}, pl.Series([1, 2]))).height == 2


def test_a_record_is_as_late_as_it_was_at_first() -> None:
    """A repair takes weeks, and its records are no older for it."""
    later = START + timedelta(days=40)
    rows = [
        sample_row(0, append_time=later, first_append_time=START, first_offset=1),
        sample_row(1, append_time=later),
    ]
    verdict = judge(bronze(rows))
    assert verdict.failed == {1: ["event_time_too_old"]}
    assert verdict.quality_score[0] == 1.0


def test_setup_adds_columns_that_a_table_lacks(tmp_path: Path) -> None:
    """A lake of an older version would be without them for ever, and lose them silently."""
    settings = Settings(_env_file=None, data_dir=tmp_path)
    old = pl.DataFrame(schema=full_schema("silver.quarantine")).drop(list(ORIGIN_SCHEMA))
    DeltaTable.create(
        table_uri(settings, "silver.quarantine"),
        schema=Schema.from_arrow(old.to_arrow().schema),
        partition_by=["hour"],
    )
    create_tables(settings)
    names = scan(settings, "silver.quarantine").collect_schema().names()
    assert set(ORIGIN_SCHEMA) <= set(names)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A lake with three records in quarantine, the first of them put through again."""
    found = Settings(_env_file=None, data_dir=tmp_path)
    create_tables(found)
    kept = bronze([sample_row(i, source="POS" if i < 2 else "MOBILE") for i in range(3)])
    rules = pl.Series([["mcc_known"], ["source_breaker_open"], ["mcc_known", "bin8_missing"]])
    kept = kept.with_columns(pl.lit(0.5).alias("quality_score"), rules.alias("failed_rules"))
    again = bronze([sample_row(9, first_offset=0, first_append_time=START)])
    for table, frame in (("silver.quarantine", kept), ("bronze.transactions", again)):
        file = write_file(found, table, HOUR, frame)
        TableAppender(found, table, "test").commit([Batch({0: 0}, {0: 10}, [file], origin=True)])
    return found


def test_what_was_put_through_again_waits_no_more(settings: Settings) -> None:
    """Else every replay would send it anew."""
    assert waiting(settings, Choice())["offset"].to_list() == [1, 2]
    assert waiting(settings, Choice(rules=["mcc_known"]))["offset"].to_list() == [2]
    assert waiting(settings, Choice(sources=["POS"]))["offset"].to_list() == [1]
    assert waiting(settings, Choice(at=[(0, 2), (1, 1)]))["offset"].to_list() == [2]
    assert waiting(settings, Choice(hours=["2026-01-05T11"])).height == 0


def test_repeats_and_strangers_stay() -> None:
    """A repeat would be one again; in another partition its customer's past is not known."""
    assert refusal(["duplicate_transaction_id", "bin8_missing"]) == "repeats stay repeats"
    assert refusal(["key_agrees"]) is not None
    assert refusal(["mcc_known"]) is None


def test_the_command_lists_and_shows(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts by rule with its severity, and one record in full."""
    monkeypatch.setattr(cli, "get_settings", lambda: settings)
    listed = CliRunner().invoke(cli.app, ["list"])
    assert listed.exit_code == 0
    assert "2 records in quarantine and 0 dead letters wait." in listed.output
    assert any(
        {"mcc_known", "error", "MOBILE", "1"} <= set(line.replace("│", " ").split())
        for line in listed.output.splitlines()
    )
    shown = CliRunner().invoke(cli.app, ["show", "0:2"])
    assert "bin8_missing (gap)" in shown.output
    with pytest.raises(UserError, match="nothing waits at 0:0"):
        CliRunner().invoke(cli.app, ["show", "0:0"], catch_exceptions=False)


def test_a_replay_wants_a_choice(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything at once is never what was repaired."""
    monkeypatch.setattr(cli, "get_settings", lambda: settings)
    with pytest.raises(UserError, match="say which"):
        CliRunner().invoke(cli.app, ["replay", "--yes"], catch_exceptions=False)
