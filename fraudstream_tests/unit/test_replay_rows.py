"""Readers: every row with the line at which it starts, and one bad row costs no other."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fraudstream_platform.errors import UserError
from fraudstream_platform.replay import rows
from fraudstream_platform.replay.rows import Numbered, open_rows

pytestmark = pytest.mark.unit


def _csv(folder: Path, text: str | bytes, delimiter: str = ",") -> list[Numbered]:
    path = folder / "rows.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(open_rows(path, "csv", {}, delimiter))


def test_a_csv_row_has_the_line_at_which_it_starts(tmp_path: Path) -> None:
    """Quoted line ends and empty lines would shift every number after them."""
    text = 'a,b\r\n1,"x\r\ny"\r\n\r\n2,z\r\n"3\n\n",w'
    assert _csv(tmp_path, text) == [
        (2, {"a": "1", "b": "x\r\ny"}),
        (5, {"a": "2", "b": "z"}),
        (6, {"a": "3\n\n", "b": "w"}),
    ]


def test_an_open_quote_costs_its_own_row_only(tmp_path: Path) -> None:
    """A CSV reader would swallow everything up to the next quote, or to the end of the file."""
    for tail in ("4,z\n", '4,"z"\n'):
        found = _csv(tmp_path, 'a,b\n1,x\n2,"y\n3,w\n' + tail)
        assert [line for line, _ in found] == [2, 3, 4, 5]
        assert found[1][1] == "no CSV: a quote is opened and not closed"
        assert found[2:] == [(4, {"a": "3", "b": "w"}), (5, {"a": "4", "b": "z"})]


def test_a_row_of_another_width_is_bad(tmp_path: Path) -> None:
    """A missing comma must not move cells into other fields."""
    found = _csv(tmp_path, "a,b\n1\n1,2,3\n4,5\n")
    assert found[0] == (2, "1 cells where the header has 2")
    assert found[1] == (3, "3 cells where the header has 2")
    assert found[2] == (4, {"a": "4", "b": "5"})


def test_a_line_that_is_too_long_is_bad_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory stays bounded whatever the file; the rows around it are read."""
    monkeypatch.setattr(rows, "LONGEST_LINE", 100)
    long = b"x" * 1_000
    found = _csv(tmp_path, b"a,b\n1,2\n" + long + b"\n" + b'3,"open\n' + long + b"\n4,5\n")
    assert [line for line, _ in found] == [2, 3, 4, 5, 6]
    assert [isinstance(row, str) for _, row in found] == [False, True, True, True, False]


def test_the_mark_at_the_start_and_other_delimiters_are_understood(tmp_path: Path) -> None:
    """A spreadsheet's byte order mark would rename the first column."""
    assert _csv(tmp_path, b"\xef\xbb\xbfa;b\n1;2\n", ";") == [(2, {"a": "1", "b": "2"})]


def test_a_bad_json_line_costs_itself(tmp_path: Path) -> None:
    """Numbers keep their digits: a float would round 0.1234567890123456789."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 0.1234567890123456789}\n\n[1]\n{"a":\n\xff\n{"a": null}')
    found = list(open_rows(path, "jsonl", {}))
    assert [line for line, _ in found] == [1, 3, 4, 5, 6]
    assert [row for _, row in found[1:4]] == ["no JSON object", "no JSON", "no JSON"]
    assert isinstance(found[0][1], dict)
    assert str(found[0][1]["a"]) == "0.1234567890123456789"


def test_parquet_rows_are_numbered_from_one_over_all_row_groups(tmp_path: Path) -> None:
    """A float of 32 bits keeps its two decimals."""
    path = tmp_path / "rows.parquet"
    table = pa.table({"a": pa.array([4.97, 0.1, 12.34], pa.float32()), "b": [1, None, 3]})
    pq.write_table(table, path, row_group_size=2)
    assert list(open_rows(path, "parquet", {"a": "fields.a"})) == [
        (1, {"a": "4.97", "b": 1}),
        (2, {"a": "0.1", "b": None}),
        (3, {"a": "12.34", "b": 3}),
    ]


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """One clear line and no traceback."""
    with pytest.raises(UserError, match="no such file"):
        open_rows(tmp_path / "none.csv", "csv", {})
    path = tmp_path / "rows.parquet"
    path.write_text("no parquet")
    with pytest.raises(UserError, match="no readable Parquet file"):
        open_rows(path, "parquet", {})
    with pytest.raises(UserError, match="no column 'x'"):
        open_rows(path, "csv", {"x": "fields.card"})
