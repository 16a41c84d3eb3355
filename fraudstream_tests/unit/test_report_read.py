"""The daily report at a warehouse that is missing, locked or old."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from fraudstream_platform.errors import UserError
from fraudstream_platform.report.read import read_day

DATE = dt.date(2026, 3, 1)


def test_a_missing_warehouse_is_named(tmp_path: Path) -> None:
    """Guards against an empty database that the report itself creates in the marts' place."""
    with pytest.raises(UserError, match="no warehouse yet"):
        read_day(tmp_path / "none.duckdb", DATE)
    assert list(tmp_path.iterdir()) == []


def test_a_warehouse_without_marts_is_named(tmp_path: Path) -> None:
    """Guards against a traceback where the marts are of an older version."""
    path = tmp_path / "old.duckdb"
    duckdb.connect(str(path)).close()
    with pytest.raises(UserError, match="lacks a mart"):
        read_day(path, DATE)


def test_a_build_that_holds_the_file_is_waited_for_and_then_named(tmp_path: Path) -> None:
    """Guards against a report that fails whenever the marts happen to be built."""
    path = tmp_path / "busy.duckdb"
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as build:
        assert build.stdout is not None
        assert build.stdout.readline() == b"open\n"
        with pytest.raises(UserError, match="being built"):
            read_day(path, DATE, patience_s=0.1)
        build.communicate(b"\n")
