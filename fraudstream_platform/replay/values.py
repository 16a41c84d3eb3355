"""A cell of a file as a value of the contract; exact, or a reason why not.

Reasons never quote the value: a column mapped by mistake may hold a card number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fraudstream_platform.contracts.codes import minor_digits

_INT64 = 1 << 63
_INT32 = 1 << 31
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1)
_MS = timedelta(milliseconds=1)
_PRINTABLE = "".join(map(chr, range(33, 127)))
_LONGEST_NUMBER = 64
_ISO_PATTERNS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")
"""Patterns that `fromisoformat` reads as well, in a tenth of strptime's time."""
_ISO_SHAPE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}")


class Unreadable(ValueError):  # noqa: N818 - the name says what the cell is
    """A cell that cannot become a value; the message is the reason."""


def text_of(value: Any) -> str:
    """A cell of any format as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, Decimal)):
        return str(value)
    if isinstance(value, float):
        # A whole number that passed through a float column loses its point.
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    raise Unreadable("is no single value")


def exact_number(value: Any) -> Decimal:
    """A finite number, exactly as it is written; a float as its shortest text."""
    if isinstance(value, bool):
        raise Unreadable("is no number")
    text = value.strip() if isinstance(value, str) else repr(value)
    if isinstance(value, (int, Decimal)):
        text = str(value)
    # Decimal takes 1_000, which no file means as a number, and any length.
    if "_" in text or len(text) > _LONGEST_NUMBER:
        raise Unreadable("is no number")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise Unreadable("is no number") from None
    if not number.is_finite():
        raise Unreadable("is no number")
    return number


def minor_units(value: Any, unit: str, currency: str) -> int:
    """An amount in minor units; raises where it has more decimals than the currency."""
    number = exact_number(value)
    digits = minor_digits(currency) if unit == "major" else 0
    if number.adjusted() + digits > 18:  # and 1E+999999999 would be built digit by digit
        raise Unreadable("is too large")
    sign, figures, exponent = number.as_tuple()
    moved = int(exponent) + digits
    whole = int("".join(map(str, figures)))
    if moved >= 0:
        whole *= 10**moved
    elif whole:
        if -moved > len(figures):
            raise Unreadable(_too_fine(unit, currency))
        whole, rest = divmod(whole, 10**-moved)
        if rest:
            raise Unreadable(_too_fine(unit, currency))
    if whole >= _INT64:
        raise Unreadable("is too large")
    return -whole if sign else whole


def _too_fine(unit: str, currency: str) -> str:
    if unit == "minor":
        return "is no whole number of minor units"
    return f"has more than {minor_digits(currency)} decimals, too many for {currency}"


def integer(value: Any) -> int:
    """A whole number of 32 bits."""
    number = exact_number(value)
    if number.adjusted() > 10 or number != int(number) or not -_INT32 <= number < _INT32:
        raise Unreadable("is no whole number")
    return int(number)


def real(value: Any) -> float:
    """A finite double."""
    number = float(exact_number(value))
    if not math.isfinite(number):
        raise Unreadable("is no number")
    return number


def time_reader(pattern: str | None, timezone: str, shift_ms: int) -> Callable[[Any], int]:
    """The function that reads times of one column to epoch ms, moved by `shift_ms`."""
    zone: tzinfo = UTC if timezone == "UTC" else ZoneInfo(timezone)
    if pattern in ("epoch_s", "epoch_ms"):
        factor = 1000 if pattern == "epoch_s" else 1
        return lambda value: _epoch(value, factor) + shift_ms

    def read(value: Any) -> int:
        moment = value if isinstance(value, datetime) else _moment(text_of(value), pattern)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        try:
            return (moment - _EPOCH) // _MS + shift_ms
        except OverflowError:
            raise Unreadable("is no time") from None

    return read


def _moment(text: str, pattern: str | None) -> datetime:
    text = text.strip()
    try:
        if pattern is None or (pattern in _ISO_PATTERNS and _ISO_SHAPE.fullmatch(text)):
            return datetime.fromisoformat(text)
        return datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone comes after
    except ValueError:
        wanted = "ISO 8601" if pattern is None else pattern
        raise Unreadable(f"is no time in the form {wanted}") from None


def _epoch(value: Any, factor: int) -> int:
    number = exact_number(value)
    if number.adjusted() > 15:
        raise Unreadable("is no time")
    return int(number * factor)


def date_reader(pattern: str | None, shift_ms: int) -> Callable[[Any], int]:
    """The function that reads dates of one column to days since 1970."""
    shift = round(shift_ms / 86_400_000)

    def read(value: Any) -> int:
        if isinstance(value, datetime):
            day = value.date()
        elif isinstance(value, date):
            day = value
        else:
            day = _moment(text_of(value), pattern).date()
        return (day - _EPOCH_DAY).days + shift

    return read


def identifier(text: str) -> str:
    """An id without spaces: they become `_`, and what is not ASCII is percent-encoded."""
    joined = "_".join(text.split())
    return joined if joined.isascii() else quote(joined, safe=_PRINTABLE)
