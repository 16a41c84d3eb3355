"""Cells to values: money is exact, times are UTC, and what is unclear is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream_platform.contracts.codes import CURRENCIES, minor_digits
from fraudstream_platform.replay.values import (
    Unreadable,
    date_reader,
    exact_number,
    identifier,
    integer,
    minor_units,
    real,
    time_reader,
)

pytestmark = pytest.mark.unit

_amounts = st.decimals(
    min_value=-(10**12), max_value=10**12, places=4, allow_nan=False, allow_infinity=False
)


@given(_amounts, st.sampled_from(CURRENCIES), st.sampled_from(["major", "minor"]))
def test_money_is_exact_or_refused(amount: Decimal, currency: str, unit: str) -> None:
    """A rounded amount is a wrong amount: Decimal is the oracle."""
    digits = minor_digits(currency) if unit == "major" else 0
    wanted = amount * 10**digits
    for cell in (amount, str(amount), f" {amount:E} "):
        if wanted == int(wanted):
            assert minor_units(cell, unit, currency) == wanted
        else:
            with pytest.raises(Unreadable):
                minor_units(cell, unit, currency)


@given(st.integers(min_value=-(10**11), max_value=10**11))
def test_a_float_of_two_decimals_is_its_cents(cents: int) -> None:
    """4.35 * 100 is 434.99999999999994 in floats."""
    assert minor_units(cents / 100, "major", "EUR") == cents


def test_the_minor_unit_is_the_currencys() -> None:
    """A yen has no hundredth, a Kuwaiti dinar has thousandths."""
    assert [minor_units("12", "major", c) for c in ("JPY", "EUR", "KWD")] == [12, 1200, 12000]
    with pytest.raises(Unreadable, match="0 decimals"):
        minor_units("12.5", "major", "JPY")


@pytest.mark.parametrize(
    "cell", ["", "abc", "1,5", "1_000", "NaN", "Infinity", "1e999999999", "1" * 30, True, None, []]
)
def test_what_is_no_amount_is_refused(cell: object) -> None:
    """Guards against a guess, and against a number that takes minutes to build."""
    with pytest.raises(Unreadable):
        minor_units(cell, "major", "EUR")


def test_times_are_utc_milliseconds() -> None:
    """A time without a zone is read in the zone of the mapping, never in the machine's."""
    noon = 1_600_000_000_000 - 26 * 60_000 - 40_000  # 2020-09-13T12:00:00Z
    assert time_reader(None, "UTC", 0)("2020-09-13T12:00:00Z") == noon
    assert time_reader(None, "UTC", 0)("2020-09-13T14:00:00+02:00") == noon
    assert time_reader(None, "Europe/Berlin", 0)("2020-09-13 14:00:00") == noon
    assert time_reader("%d.%m.%Y %H:%M", "UTC", 0)("13.09.2020 12:00") == noon
    assert time_reader("%Y-%m-%d %H:%M:%S", "UTC", 5)("2020-09-13 12:00:00") == noon + 5
    assert time_reader("epoch_s", "UTC", 0)(f"{noon // 1000}.5") == noon + 500
    assert time_reader("epoch_ms", "UTC", 0)(noon) == noon


@pytest.mark.parametrize(
    ("pattern", "cell"),
    [
        (None, "yesterday"),
        ("%Y-%m-%d %H:%M:%S", "2020-09-31 12:00:00"),
        ("%Y-%m-%d %H:%M:%S", "2020-W25-7 12:00:00"),
        ("epoch_s", "1e30"),
    ],
)
def test_what_is_no_time_is_refused(pattern: str | None, cell: str) -> None:
    """A day that does not exist must not become its neighbour."""
    with pytest.raises(Unreadable):
        time_reader(pattern, "UTC", 0)(cell)


def test_other_kinds() -> None:
    """Dates are days, ids have no spaces, whole numbers are whole."""
    assert date_reader(None, 86_400_000)("1970-01-02") == 2
    assert identifier(" Café  &\tBar ") == "Caf%C3%A9_&_Bar"
    assert integer("-60") == -60
    assert real("1e-3") == 0.001
    assert exact_number(" 5 ") == 5
    for read, cell in ((integer, "1.5"), (integer, 1 << 40), (real, "1e400"), (real, "x")):
        with pytest.raises(Unreadable):
            read(cell)
