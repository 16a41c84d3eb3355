"""Bronze frames of many cards over many days, made by the column: quick, and alike every time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fraudstream_platform.contracts.tables import BRONZE_SCHEMA

START = datetime(2026, 1, 5, tzinfo=UTC)
DAY_MS = 86_400_000
MCCS = ("5411", "5812", "5732", "5541", "5999", "6011", "4111", "5651", "5912", "5814")
COUNTRIES = ("DE", "FR", "NL", "US")
PARTITIONS = 6
CARDS_A_CUSTOMER = 1.5


def frames(cards: int, days: float, per_day: float, chunk: int) -> Iterator[pl.DataFrame]:
    """`chunk` rows a frame, `days` of them; each card is used `per_day` times a day on average."""
    chance = np.random.default_rng(7)
    # Some cards are used often, most seldom; a customer has places and things of its own.
    weights = chance.gamma(1.0, 1.0, cards)
    edges = np.cumsum(weights) / weights.sum()
    gap_ms = DAY_MS / (cards * per_day)
    total = int(days * cards * per_day)
    for first in range(0, total - chunk + 1, chunk):
        number = np.arange(first, first + chunk)
        card = np.searchsorted(edges, chance.random(chunk))
        yield _frame(number, card, (number * gap_ms).astype(np.int64), chance)


def _frame(
    number: NDArray[np.int64],
    card: NDArray[np.int64],
    ms: NDArray[np.int64],
    chance: np.random.Generator,
) -> pl.DataFrame:
    rows = number.shape[0]
    customer = (card / CARDS_A_CUSTOMER).astype(np.int64)
    habit = np.where(chance.random(rows) < 0.8, chance.integers(0, 8, rows), 0)
    usual = chance.random(rows) < 0.85
    merchant = np.where(usual, customer * 31 + habit, chance.integers(0, 1 << 40, rows)) % 4_000
    online = chance.random(rows) < 0.35
    declined = chance.random(rows) < 0.03
    now = pl.Series(ms).cast(pl.Duration("ms")) + START
    amount = pl.Series((np.exp(chance.normal(7.8, 1.0, rows))).astype(np.int64))
    columns = {
        "partition": pl.Series((customer % PARTITIONS).astype(np.int32)),
        "offset": pl.Series(number),
        "append_time": now,
        "schema_id": pl.Series(np.ones(rows, np.int32)),
        "key_agrees": pl.Series(np.ones(rows, np.bool_)),
        "transaction_id": _named("t-", number),
        "event_time": now,
        "sent_at": now,
        "utc_offset_min": pl.Series(np.full(rows, 60, np.int32)),
        "message_type": _said("AUTH", rows),
        "source": _one_of(("POS", "ONLINE"), online),
        "channel": _one_of(("POS", "ECOM"), online),
        "transaction_type": _said("purchase", rows),
        "initiator": _said("CIT", rows),
        "amount_minor": amount,
        "currency": _said("EUR", rows),
        "billing_amount_minor": amount,
        "customer": _token("cu", customer),
        "card": _token("ca", card),
        "bin8": _said("40000000", rows),
        "product": _said("credit", rows),
        "account_opened": pl.Series([START.date()]).new_from_index(0, rows),
        "credit_limit_minor": pl.Series(np.full(rows, 500_000)),
        "open_to_buy_minor": pl.Series(chance.integers(100_000, 500_000, rows)),
        "merchant_id": _named("m-", merchant),
        "acquirer_id": _said("a-1", rows),
        "terminal_id": _said("t-1", rows),
        "mcc": _one_of(MCCS, merchant % len(MCCS)),
        "merchant_country": _one_of(COUNTRIES, merchant % 50 // 17),
        "latitude": pl.Series(48.0 + merchant % 7, dtype=pl.Float64),
        "longitude": pl.Series(8.0 + merchant % 5, dtype=pl.Float64),
        "geo_precision_km": pl.Series(np.ones(rows)),
        "entry_mode": _one_of(("chip", "ecom"), online),
        "outcome": _one_of(("approved", "declined_issuer"), declined),
        "response_code": _one_of(("00", "51"), declined),
        "device": _token("de", customer * 2 + (habit == 5)),
        "ip": _token("ip", customer * 4 + habit % 4),
        "ip_net": _token("in", customer * 4 + habit % 4),
        "ip_country": _one_of(COUNTRIES, customer % 4),
    }
    missing = [name for name in BRONZE_SCHEMA if name not in columns]
    frame = pl.DataFrame([series.alias(name) for name, series in columns.items()])
    nulls = [pl.lit(None, BRONZE_SCHEMA[name]).alias(name) for name in missing]
    return frame.with_columns(nulls).select(
        pl.col(name).cast(dtype) for name, dtype in BRONZE_SCHEMA.items()
    )


def _said(text: str, rows: int) -> pl.Series:
    return pl.Series([text]).new_from_index(0, rows)


def _one_of(words: tuple[str, ...], which: Any) -> pl.Series:
    return pl.Series(np.array(words)[np.asarray(which, np.int64)])


def _named(prefix: str, numbers: NDArray[np.int64]) -> pl.Series:
    return pl.select(pl.format("{}{}", pl.lit(prefix), pl.Series(numbers))).to_series()


def _token(prefix: str, numbers: NDArray[np.int64]) -> pl.Series:
    digits = pl.Series(numbers).cast(pl.String).str.zfill(22)
    return pl.select(pl.format("{}1_{}", pl.lit(prefix), digits)).to_series()
