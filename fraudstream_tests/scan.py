"""Looks for planted secrets in every byte under a folder, also in what is compressed there.

A secret counts in each form that a program might leave it in: as text, in UTF-16, as base64 and as
hexadecimal digits. Parquet is read cell by cell; Avro containers, gzip, zstd and LZ4 frames (and the
LZ4 blocks of Spark's spills) are opened wherever in a file they begin, and so are zip archives.
Databases of DuckDB, which packs columns its own way, and of SQLite, which cuts long values into
pages, are read cell by cell, too.
"""

from __future__ import annotations

import base64
import io
import re
import sqlite3
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import fastavro
import polars as pl
import pyarrow as pa

from fraudstream_platform.lake.tables import TABLES, table_uri
from fraudstream_platform.settings import Settings

_CHUNK = 1 << 24
_AT_ONCE = 1 << 26
_LONGEST_FRAME = 1 << 28
_SHORTEST = 9
"""Shorter ends of a base64 text would be met by chance."""
_FRAMES = {b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4", b"\x1f\x8b\x08": "gzip"}
_SPARK_BLOCK = b"LZ4Block"
_OPENS = re.compile(b"|".join(re.escape(magic) for magic in (*_FRAMES, _SPARK_BLOCK)))
_SPARK_HEADER = len(_SPARK_BLOCK) + 13
_LZ4 = 0x20


def spellings(secret: str) -> set[bytes]:
    """How a secret may lie in a file."""
    texts = {secret, secret.upper()}
    if secret.isdigit():
        fours = [secret[i : i + 4] for i in range(0, len(secret), 4)]
        texts |= {" ".join(fours), "-".join(fours)}
    found = {text.encode() for text in texts}
    for text in tuple(found):
        # Little-endian without its last byte stands in big-endian text too.
        found |= {text.decode().encode("utf-16-le")[:-1], text.hex().encode()}
        found.add(text.hex().upper().encode())
        # Base64 depends on where the text starts within its three bytes; cut the ragged ends off.
        for shift in range(3):
            encoded = base64.b64encode(b"\0" * shift + text)[4 * (shift > 0) : -4]
            found |= {encoded, encoded.replace(b"+", b"-").replace(b"/", b"_")}
    return {one for one in found if len(one) >= _SHORTEST}


class Scanner:
    """Finds any of some secrets, in any form; searches many texts at once, since each search costs."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # Latin-1 gives every byte a character.
        self._needles = sorted({n.decode("latin-1") for one in secrets for n in spellings(one)})
        self._longest = max(map(len, self._needles))
        self._names: list[str] = []
        self._texts: list[str] = []
        self._size = 0
        self.found: set[str] = set()
        """`<name>: <secret>` of every hit, once `finish` has been called."""

    def add(self, name: str, pieces: Iterable[bytes]) -> None:
        """One content in pieces, across whose seams is looked too."""
        tail = b""
        for piece in pieces:
            text = (tail + piece).strip(b"\0")  # Kafka's indexes are megabytes of nothing
            tail = piece[-self._longest :]
            if text:
                self._names.append(name)
                self._texts.append(text.decode("latin-1"))
                self._size += len(text)
            if self._size > _AT_ONCE:
                self.finish()

    def finish(self) -> None:
        """Search what was added."""
        schema = {"name": pl.String, "text": pl.String}  # also where nothing is left to search
        hits = pl.DataFrame({"name": self._names, "text": self._texts}, schema=schema).select(
            "name", hit=pl.col("text").str.extract_many(self._needles)
        )
        self._names, self._texts, self._size = [], [], 0
        for name, hit in hits.explode("hit").drop_nulls().iter_rows():
            self.found.add(f"{name}: {hit}")


def leaks_in_files(folder: Path, secrets: Iterable[str], *, except_in: str = "") -> set[str]:
    """`<file>: <secret>` of every hit; files whose path contains `except_in` are passed over."""
    scanner = Scanner(secrets)
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.is_symlink() or (except_in and except_in in str(path)):
            continue
        name = str(path.relative_to(folder))
        scanner.add(name, _read(path))
        for unpacked in unpack(path):
            scanner.add(name, _pieces(unpacked))
    scanner.finish()
    return scanner.found


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as source:
        while piece := source.read(_CHUNK):
            yield piece


def _pieces(content: bytes) -> Iterator[bytes]:
    return (content[i : i + _CHUNK] for i in range(0, len(content), _CHUNK))


def unpack(path: Path) -> Iterator[bytes]:
    """What is packed in a file, in any of the forms that this module knows."""
    with path.open("rb") as source:
        start = source.read(16)
    if start[:4] == b"PAR1":
        yield _cells(pl.read_parquet(path))
        return
    if start[8:12] == b"DUCK":
        yield from _duckdb(path)
    elif start == b"SQLite format 3\0":
        yield from _sqlite(path)
    if path.stat().st_size > _LONGEST_FRAME or not start:
        return
    content = path.read_bytes()
    if start[:3] == b"Obj":
        yield repr(list(_avro(content))).encode()
    if start[:4] == b"PK\x03\x04" and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield archive.read(name)
    for match in _OPENS.finditer(content):
        opened = _opened(content, match.start(), match.group())
        if opened:
            yield opened


def _duckdb(path: Path) -> Iterator[bytes]:
    """Every table's cells."""
    with duckdb.connect(str(path), read_only=True) as database:
        tables = database.sql("select schema_name, table_name from duckdb_tables()").fetchall()
        for schema, table in tables:
            yield _cells(database.table(f'"{schema}"."{table}"').pl())


def _sqlite(path: Path) -> Iterator[bytes]:
    """Every table's text and bytes, a table at a time; bytes also as zlib opens them."""
    database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        tables = database.execute("select name from sqlite_master where type = 'table'").fetchall()
        for (table,) in tables:
            rows = database.execute(f'select * from "{table}"')
            yield b"\n".join(_opened_cell(cell) for row in rows for cell in row)
    finally:
        database.close()


def _opened_cell(cell: object) -> bytes:
    if not isinstance(cell, bytes):
        return str(cell).encode()
    try:
        return zlib.decompress(cell)
    except zlib.error:
        return cell


def _avro(content: bytes) -> Iterator[Any]:
    try:
        yield from fastavro.reader(io.BytesIO(content))
    except (ValueError, EOFError, StopIteration, KeyError, TypeError):
        return


def _opened(content: bytes, place: int, magic: bytes) -> bytes:
    """What begins at `place`, as far as it can be read; nothing where the bytes were chance."""
    if magic == _SPARK_BLOCK:
        return _spark_block(content, place)
    out = bytearray()
    try:
        packed = pa.BufferReader(memoryview(content)[place:])
        with pa.CompressedInputStream(packed, _FRAMES[magic]) as stream:
            while (piece := stream.read(_CHUNK)) and len(out) < _LONGEST_FRAME:
                out += piece
    except (OSError, pa.ArrowException):
        pass
    return bytes(out)


def _spark_block(content: bytes, place: int) -> bytes:
    """A block of lz4-java's stream: method, packed and own size (little-endian), checksum, bytes."""
    start = place + len(_SPARK_BLOCK)
    packed = int.from_bytes(content[start + 1 : start + 5], "little")
    size = int.from_bytes(content[start + 5 : start + 9], "little")
    body = content[place + _SPARK_HEADER :][:packed]
    if not body or size > _LONGEST_FRAME or content[start] & 0xF0 != _LZ4:
        return b""
    try:
        opened: bytes = pa.decompress(body, size, codec="lz4_raw", asbytes=True)
    except (OSError, pa.ArrowException):
        return b""
    return opened


def _cells(rows: pl.DataFrame) -> bytes:
    """All cells that hold text or bytes, a line each."""
    parts: list[bytes] = []
    for column in rows.get_columns():
        if column.dtype == pl.Binary:
            parts += [value for value in column.to_list() if value]
        elif isinstance(column.dtype, pl.List | pl.Struct):
            parts.append("\n".join(str(value) for value in column.to_list()).encode())
        elif column.dtype in (pl.String, pl.Categorical):
            text = column.cast(pl.String).drop_nulls()
            parts.append("\n".join(text.to_list()).encode())
    return b"\n".join(parts)


def leaks_in_tables(settings: Settings, secrets: Iterable[str]) -> set[str]:
    """`<file>: <secret>` of every hit in a file of a table."""
    wanted = list(secrets)
    return {
        f"{table}: {leak}"
        for table in TABLES
        for leak in leaks_in_files(Path(table_uri(settings, table)), wanted)
    }
