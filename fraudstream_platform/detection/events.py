"""What the kernels see of a transaction: numbers, hashes, and one word of flags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fraudstream_platform.detection.flagging import WORDS, flag_rows

HASHED = (
    "transaction_id", "customer", "card", "device_pan", "merchant_id", "merchant_country",
    "device", "ip_net", "ip_country", *WORDS,
)  # fmt: skip
"""String columns that the step needs as hashes."""


class Events(NamedTuple):
    """Columns of Silver rows as numpy arrays, which a kernel takes whole.

    Times in ms (the least int64 where unknown), money in minor units, places in degrees; reals are
    NaN and hashes 0 where unknown. `flags` is 0 for messages that nothing counts (payments,
    refunds, technical failures).
    """

    partition: NDArray[np.int32]
    offset: NDArray[np.int64]
    time: NDArray[np.int64]
    amount: NDArray[np.int64]
    own_amount: NDArray[np.int64]
    flags: NDArray[np.uint32]
    card: NDArray[np.uint64]
    customer: NDArray[np.uint64]
    instrument: NDArray[np.uint64]
    merchant: NDArray[np.uint64]
    mcc: NDArray[np.uint64]
    country: NDArray[np.uint64]
    ip_country: NDArray[np.uint64]
    device: NDArray[np.uint64]
    ip_net: NDArray[np.uint64]
    channel: NDArray[np.uint64]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    precision: NDArray[np.float64]
    utc_offset_min: NDArray[np.float64]
    open_to_buy: NDArray[np.float64]
    credit_limit: NDArray[np.float64]
    account_opened: NDArray[np.int64]
    contact_changed: NDArray[np.int64]
    credential_changed: NDArray[np.int64]
    wallet_added: NDArray[np.int64]


def read_events(silver: pl.DataFrame, hashes: Mapping[str, NDArray[np.uint64]]) -> Events:
    """Read the kernels' columns of Silver rows; `hashes` are those of the columns `HASHED`."""
    amount = _numbers(silver, "billing_amount_minor")
    flags = np.zeros(silver.height, np.uint32)
    flag_rows(tuple(hashes[name] for name in WORDS), amount, flags)
    card, wallet = hashes["card"], hashes["device_pan"]
    return Events(
        partition=_numbers(silver, "partition"),
        offset=_numbers(silver, "offset"),
        time=_numbers(silver, "event_time"),
        amount=amount,
        own_amount=_numbers(silver, "amount_minor"),
        flags=flags,
        card=card,
        customer=hashes["customer"],
        instrument=np.where(wallet != 0, wallet, card),
        merchant=hashes["merchant_id"],
        mcc=hashes["mcc"],
        country=hashes["merchant_country"],
        ip_country=hashes["ip_country"],
        device=hashes["device"],
        ip_net=hashes["ip_net"],
        channel=hashes["channel"],
        latitude=_numbers(silver, "latitude"),
        longitude=_numbers(silver, "longitude"),
        precision=_numbers(silver, "geo_precision_km"),
        utc_offset_min=_numbers(silver, "utc_offset_min", pl.Float64()),
        open_to_buy=_numbers(silver, "open_to_buy_minor", pl.Float64()),
        credit_limit=_numbers(silver, "credit_limit_minor", pl.Float64()),
        account_opened=_numbers(silver, "account_opened", pl.Datetime("ms")),
        contact_changed=_numbers(silver, "contact_changed_at"),
        credential_changed=_numbers(silver, "credential_changed_at"),
        wallet_added=_numbers(silver, "wallet_added_at"),
    )


def _numbers(frame: pl.DataFrame, name: str, cast: pl.DataType | None = None) -> NDArray[Any]:
    """A column as a contiguous array; times as int64 ms, nulls of floats as NaN.

    Writable always: polars lends its own read-only memory where a column has no null, and to a
    kernel that is another type, compiled anew for seconds in the middle of the stream. Whole
    numbers that may be null are cast to floats for the same reason.
    """
    column = frame.get_column(name)
    values = (column if cast is None else column.cast(cast)).to_numpy(writable=True)
    values = np.ascontiguousarray(values)
    return values.view(np.int64) if values.dtype.kind == "M" else values
