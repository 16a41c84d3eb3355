"""Records that are put through again say in a header which record of their partition they repeat."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import polars as pl

from fraudstream_platform.contracts.schemas import ORIGIN_SCHEMA

HEADER = "fraudstream-origin"
_DIGITS = range(1, 19)
"""So many fit into 64 bits, and a time of so many lies far beyond the calendar."""
_LAST_MS = 253_402_300_799_999
"""The end of the year 9999: a later time would be no row of a table."""


_NOWHERE = [pl.Series(name, [None], dtype) for name, dtype in ORIGIN_SCHEMA.items()]


class Origin(NamedTuple):
    """The offset of the record repeated, and when it was first appended, epoch ms."""

    offset: int
    append_time: int

    def to_header(self) -> tuple[str, bytes]:
        """As a Kafka header."""
        return HEADER, f"{self.offset}:{self.append_time}".encode()


Headers = dict[str, str | bytes | None] | Iterable[tuple[str, str | bytes | None]]
"""As the Kafka client types them; of a record that was read they are pairs with bytes."""


def origin_of(headers: Headers) -> Origin | None:
    """The origin that a record's headers name; None for any other header, or one that cannot be read."""
    for name, value in headers.items() if isinstance(headers, dict) else headers:
        if name == HEADER and isinstance(value, bytes):
            numbers = value.split(b":")
            if len(numbers) == len(Origin._fields) and all(map(_is_number, numbers)):
                origin = Origin(*map(int, numbers))
                return origin if origin.append_time <= _LAST_MS else None
    return None


def _is_number(text: bytes) -> bool:
    return len(text) in _DIGITS and text.isdigit()


def origin_columns(origins: dict[int, Origin], places: pl.Series) -> list[pl.Series]:
    """The columns of `ORIGIN_SCHEMA` for rows that stood at `places` of their batch."""
    if not origins:
        return [column.new_from_index(0, len(places)) for column in _NOWHERE]
    found = [origins.get(place) for place in places]
    return [
        pl.Series(name, [None if one is None else one[field] for one in found], pl.Int64).cast(
            dtype
        )
        for field, (name, dtype) in enumerate(ORIGIN_SCHEMA.items())
    ]
