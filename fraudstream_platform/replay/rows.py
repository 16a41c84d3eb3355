"""Readers: a file as (line, row) pairs, one at a time, whatever the size of the file.

A row is a dict of column to cell, or the text of what is wrong with it. The line is where the row
starts: the physical line (the header of a CSV file is line 1), or the row's number in Parquet.
"""

from __future__ import annotations

import csv
import json
from collections import deque
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fraudstream_platform.errors import UserError

Row = dict[str, Any]
Numbered = tuple[int, Row | str]

LONGEST_LINE = 1_000_000
"""Bytes; a longer line is a bad row, so that a file without line ends fits into memory."""
_PARQUET_ROWS = 2_000
_TOO_LONG = f"the line has more than {LONGEST_LINE} bytes"


def open_rows(
    path: Path, file_format: str, columns: dict[str, str], delimiter: str = ","
) -> Iterator[Numbered]:
    """The rows of a file; raises `UserError` for a file that cannot be read.

    `columns` are the columns that must be there, each with the key of the mapping that asks for it.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        with path.open("rb") as source:
            source.read(1)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    if file_format == "csv":
        rows = _csv_rows(path, columns, delimiter)
    elif file_format == "jsonl":
        rows = _json_rows(path)
    else:
        rows = _parquet_rows(path, columns)
    first = next(rows, None)  # so that a file without a column is refused here
    return rows if first is None else chain((first,), rows)


def _require(path: Path, found: Iterable[str], columns: dict[str, str]) -> None:
    present = set(found)
    for column, key in columns.items():
        if column not in present:
            raise UserError(f"{key}: {path} has no column {column!r}")


def _lines(source: BinaryIO) -> Iterator[bytes | None]:
    """Physical lines with their ends; None for one that is too long."""
    while line := source.readline(LONGEST_LINE + 1):
        if len(line) <= LONGEST_LINE:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = source.readline(LONGEST_LINE)
        yield None


class _Physical:
    """Lines for `csv.reader`, which can be given back: an open quote swallows all that follows."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = _lines(source)
        self._returned: deque[bytes | None] = deque()
        self._taken: list[bytes | None] = []
        self.too_long = False
        self.next_line = 1

    def __iter__(self) -> _Physical:
        return self

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else next(self._source)
        self._taken.append(line)
        self.next_line += 1
        if line is None:
            self.too_long = True
            return "\n"
        # Bytes that are no UTF-8 cost their row only where the mapping reads them.
        return line.decode("utf-8", "surrogateescape")

    def start_row(self) -> int:
        """Forget the lines of the row before; returns the line at which the next one starts."""
        self._taken.clear()
        self.too_long = False
        return self.next_line

    @property
    def spans(self) -> int:
        """How many lines the row at hand has taken."""
        return len(self._taken)

    def give_back(self) -> None:
        """Keep the first line of the row at hand, read the others anew."""
        self._returned.extendleft(reversed(self._taken[1:]))
        self.next_line -= len(self._taken) - 1
        del self._taken[1:]


def _csv_rows(path: Path, columns: dict[str, str], delimiter: str) -> Iterator[Numbered]:
    with path.open("rb") as source:
        if source.read(3) != b"\xef\xbb\xbf":  # a byte order mark is no part of a column's name
            source.seek(0)
        lines = _Physical(source)
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        try:
            header = next(reader, [])
        except csv.Error as error:
            raise UserError(f"{path}, line 1: {error}") from None
        doubled = {name for name in header if header.count(name) > 1} & set(columns)
        if doubled:
            raise UserError(f"{path}: two columns are called {min(doubled)!r}")
        _require(path, header, columns)
        yield from _csv_body(lines, reader, header)


def _csv_body(lines: _Physical, reader: Any, header: list[str]) -> Iterator[Numbered]:
    width = len(header)
    while True:
        start = lines.start_row()
        wrong = ""
        cells: list[str] = []
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            wrong = f"no CSV: {error}"
        if not wrong and len(cells) == width and not lines.too_long:
            yield start, dict(zip(header, cells, strict=True))
            continue
        if not wrong and not cells and not lines.too_long:
            continue  # an empty line is no row
        if lines.spans > 1:
            lines.give_back()
            wrong = "no CSV: a quote is opened and not closed"
        elif lines.too_long:
            wrong = _TOO_LONG
        yield start, wrong or f"{len(cells)} cells where the header has {width}"


def _json_rows(path: Path) -> Iterator[Numbered]:
    with path.open("rb") as source:
        for number, line in enumerate(_lines(source), 1):
            if line is None:
                yield number, _TOO_LONG
            elif line.strip():
                yield number, _json_row(line)


def _json_row(line: bytes) -> Row | str:
    try:
        # Numbers keep the digits that stand there.
        row = json.loads(line.decode("utf-8-sig"), parse_float=Decimal)
    except (ValueError, RecursionError):
        return "no JSON"
    return row if isinstance(row, dict) else "no JSON object"


def _parquet_rows(path: Path, columns: dict[str, str]) -> Iterator[Numbered]:
    try:
        with pq.ParquetFile(path) as source:
            _require(path, source.schema_arrow.names, columns)
            number = 0
            for batch in source.iter_batches(batch_size=_PARQUET_ROWS):
                names = batch.schema.names
                cells = [_cells(column) for column in batch.columns]
                for values in zip(*cells, strict=True):
                    number += 1
                    yield number, dict(zip(names, values, strict=True))
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path}: no readable Parquet file ({type(error).__name__})") from None


def _cells(column: pa.Array) -> list[Any]:
    """Python values of a column."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if pa.types.is_float32(kind) or pa.types.is_float16(kind):
        # 4.97 as a float of 32 bits is 4.970000267...; its shortest text is 4.97.
        column = pc.cast(column, pa.string())
    elif pa.types.is_timestamp(kind) and kind.unit == "ns":
        column = pc.cast(column, pa.timestamp("us", kind.tz), safe=False)
    cells: list[Any] = column.to_pylist()
    return cells
