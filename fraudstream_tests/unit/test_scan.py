"""The scanner finds what is planted, in each form that it claims to know: else it proves nothing."""

from __future__ import annotations

import base64
import gzip
import io
import sqlite3
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import duckdb
import fastavro
import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from fraudstream_tests.scan import leaks_in_files

pytestmark = pytest.mark.unit

CARD, MAIL, PHONE = "4000001234567899", "planted.person@mail.example", "+4915112345678"
SECRETS = (CARD, MAIL, PHONE)
FILLING = b"\x00\x01nothing to be seen here\xff" * 50


def _spark_spill(content: bytes) -> bytes:
    packed: bytes = pa.compress(content, codec="lz4_raw", asbytes=True)
    sizes = len(packed).to_bytes(4, "little") + len(content).to_bytes(4, "little")
    return b"LZ4Block" + bytes([0x25]) + sizes + b"\0" * 4 + packed


def _stream(codec: str) -> Callable[[bytes], bytes]:
    def packed(content: bytes) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, codec) as stream:
            stream.write(content)
        return bytes(sink.getvalue().to_pybytes())

    return packed


def _avro(content: bytes) -> bytes:
    schema = {"type": "record", "name": "r", "fields": [{"name": "text", "type": "string"}]}
    sink = io.BytesIO()
    fastavro.writer(sink, schema, [{"text": content.decode("latin-1")}], codec="deflate")
    return sink.getvalue()


def _parquet(content: bytes) -> bytes:
    sink = io.BytesIO()
    text = content.decode("latin-1")
    rows = pl.DataFrame({"plain": ["x"] * 100, "list": [[text]] + [["y"]] * 99})
    rows.write_parquet(sink, compression="zstd")
    return sink.getvalue()


def _zip(content: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("part", content)
    return sink.getvalue()


def _snapshot(content: bytes) -> bytes:
    sink = io.BytesIO()
    np.savez_compressed(sink, state=np.frombuffer(content, np.uint8))
    return sink.getvalue()


def _file(make: Callable[[Path], None]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        make(path := Path(folder) / "file")
        return path.read_bytes()


def _duckdb(content: bytes) -> bytes:
    """A column of texts alike, which DuckDB packs by symbols of several letters."""

    def make(path: Path) -> None:
        text = content.decode("latin-1").strip("\0")
        rows = pl.DataFrame({"text": [f"{text} {number}" for number in range(20_000)]})
        with duckdb.connect(str(path)) as database:
            database.execute("create table packed as select * from rows")
        assert rows.height

    return _file(make)


def _sqlite(content: bytes) -> bytes:
    """Packed bytes in a cell, as Dagster keeps what it saves."""

    def make(path: Path) -> None:
        with sqlite3.connect(path) as database:
            database.execute("create table events (body blob)")
            database.execute("insert into events values (?)", (zlib.compress(content),))

    return _file(make)


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "raw": bytes,
    "base64": base64.b64encode,
    "base64, a byte later": lambda content: base64.b64encode(b"x" + content),
    "base64, two bytes later": lambda content: base64.urlsafe_b64encode(b"xy" + content),
    "hex": lambda content: content.hex().encode(),
    "HEX": lambda content: content.hex().upper().encode(),
    "UTF-16 LE": lambda content: content.decode("latin-1").encode("utf-16-le"),
    "UTF-16 BE": lambda content: content.decode("latin-1").encode("utf-16-be"),
    "gzip": gzip.compress,
    "zstd": _stream("zstd"),
    "lz4": _stream("lz4"),
    "zstd within a file": lambda content: b"header" + _stream("zstd")(content),
    "Spark's spill": _spark_spill,
    "Avro": _avro,
    "Parquet": _parquet,
    "zip": _zip,
    "snapshot": _snapshot,
    "DuckDB": _duckdb,
    "SQLite": _sqlite,
    "hex in zstd": lambda content: _stream("zstd")(content.hex().encode()),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", SECRETS)
def test_what_is_planted_in_the_clear_is_found(tmp_path: Path, form: str, secret: str) -> None:
    """A scanner that is blind to a form calls a leak clean."""
    (tmp_path / "file").write_bytes(FORMS[form](FILLING + secret.encode() + FILLING))
    assert leaks_in_files(tmp_path, [secret]) != set()


@pytest.mark.parametrize("form", FORMS)
def test_what_is_not_planted_is_not_found(tmp_path: Path, form: str) -> None:
    """A scanner that cries at everything is switched off."""
    (tmp_path / "file").write_bytes(FORMS[form](FILLING + b"5200009876543210" + FILLING))
    assert leaks_in_files(tmp_path, SECRETS) == set()


@pytest.mark.parametrize("written", ["4000 0012 3456 7899", "4000-0012-3456-7899"])
def test_a_card_is_found_as_people_write_it(tmp_path: Path, written: str) -> None:
    (tmp_path / "note.log").write_text(f"card {written} was refused")
    assert leaks_in_files(tmp_path, [CARD]) != set()


def test_a_secret_across_two_pieces_of_a_large_file_is_found(tmp_path: Path) -> None:
    """Large files are read in pieces: their seams must not hide anything."""
    (tmp_path / "log").write_bytes(b"\1" * ((1 << 24) - 7) + CARD.encode() + b"\1" * 100)
    assert leaks_in_files(tmp_path, [CARD]) != set()


def test_nothing_to_search_is_no_error(tmp_path: Path) -> None:
    """The last file may have filled a batch to the brim, so that nothing is left at the end."""
    assert leaks_in_files(tmp_path, SECRETS) == set()


def test_one_file_among_many_is_named(tmp_path: Path) -> None:
    """Small files are searched together; the one at fault must be told."""
    for number in range(20):
        (tmp_path / f"{number}.txt").write_bytes(FILLING)
    with sqlite3.connect(tmp_path / "events.db") as database:
        database.execute("create table events (event text)")
        database.execute("insert into events values (?)", (f'{{"who": "{MAIL}"}}',))
    assert leaks_in_files(tmp_path, SECRETS) == {f"events.db: {MAIL}"}
