"""Looks for planted secrets in every byte under a folder, and in every cell of every table."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

from fraudstream_platform.lake.tables import TABLES, scan
from fraudstream_platform.settings import Settings

_CHUNK = 1 << 24


def spellings(secret: str) -> set[bytes]:
    """How a secret may lie in a file: as it is, in upper case, spaced, dashed, and as base64."""
    texts = {secret, secret.upper(), secret.lstrip("+")}
    if secret.isdigit():
        fours = [secret[i : i + 4] for i in range(0, len(secret), 4)]
        texts |= {" ".join(fours), "-".join(fours)}
    found = {text.encode() for text in texts}
    for text in tuple(found):
        # Base64 depends on where the text starts within its three bytes; cut the ragged ends off.
        for shift in range(3):
            encoded = base64.b64encode(b"\0" * shift + text)[4 * (shift > 0) : -4]
            found |= {encoded, encoded.replace(b"+", b"-").replace(b"/", b"_")}
    return {one for one in found if len(one) >= 8}


def leaks_in_files(folder: Path, secrets: Iterable[str], *, except_in: str = "") -> set[str]:
    """`<file>: <secret>` of every hit; files whose path contains `except_in` are passed over."""
    needles = _needles(secrets)
    found = set()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and not (except_in and except_in in str(path)):
            found |= {f"{path.relative_to(folder)}: {hit}" for hit in _hits(path, needles)}
    return found


def _needles(secrets: Iterable[str]) -> list[str]:
    return sorted({spelling.decode() for one in secrets for spelling in spellings(one)})


def _hits(path: Path, needles: list[str]) -> Iterator[str]:
    longest = max(map(len, needles))
    with path.open("rb") as source:
        tail = b""
        while chunk := source.read(_CHUNK):
            text = (tail + chunk).strip(b"\0")  # Kafka's indexes are megabytes of nothing
            tail = chunk[-longest:]
            # One pass for all needles; latin-1 gives every byte a character.
            bytes_as_text = pl.Series([text.decode("latin-1")])
            hits = bytes_as_text.str.extract_many(needles, ascii_case_insensitive=True)
            yield from hits.explode().drop_nulls()


def leaks_in_tables(settings: Settings, secrets: Iterable[str]) -> set[str]:
    """`<table>.<column>: <secret>` of every hit; Parquet is compressed, so its cells are read."""
    needles = _needles(secrets)
    found = set()
    for table in TABLES:
        rows = scan(settings, table).collect()
        for name, dtype in rows.schema.items():
            column = rows[name]
            if isinstance(dtype, pl.List | pl.Struct):
                column = pl.Series(name, [str(value) for value in column.to_list()])
            if column.dtype == pl.String:
                hits = column.str.extract_many(needles, ascii_case_insensitive=True)
                found |= {f"{table}.{name}: {hit}" for hit in hits.explode().drop_nulls()}
    return found
