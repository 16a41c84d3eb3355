"""Made-up Bronze rows: they warm the kernels up, and tests vary them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from fraudstream_platform.contracts.tables import BRONZE_SCHEMA

START = datetime(2026, 1, 5, 12, tzinfo=UTC)


def token(prefix: str, number: int) -> str:
    """A made-up token of the right form."""
    return f"{prefix}1_sampleAAAA{number:012d}"


def sample_row(number: int = 0, /, **changes: Any) -> dict[str, Any]:
    """An ordinary card-present purchase, `number` seconds after `START`, with `changes`."""
    now = START + timedelta(seconds=number)
    row: dict[str, Any] = {
        "partition": 0,
        "offset": number,
        "append_time": now,
        "schema_id": 1,
        "key_agrees": True,
        "transaction_id": f"t-{number}",
        "event_time": now,
        "sent_at": now,
        "utc_offset_min": 60,
        "message_type": "AUTH",
        "source": "POS",
        "channel": "POS",
        "transaction_type": "purchase",
        "initiator": "CIT",
        "amount_minor": 2500,
        "currency": "EUR",
        "billing_amount_minor": 2500,
        "customer": token("cu", 1),
        "card": token("ca", 1),
        "bin8": "40000000",
        "product": "debit",
        "merchant_id": "m-1",
        "acquirer_id": "a-1",
        "terminal_id": "t-1",
        "mcc": "5411",
        "merchant_country": "DE",
        "latitude": 52.5,
        "longitude": 13.4,
        "geo_precision_km": 1.0,
        "entry_mode": "chip",
        "response_code": "00",
        "outcome": "approved",
        "cvv_result": None,
        "device_pan": None,
    }
    row.update(changes)
    return row


def bronze(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows as a Bronze frame; fields that a row leaves out are null."""
    return pl.DataFrame(rows, schema=BRONZE_SCHEMA, orient="row")


def sample_bronze(count: int) -> pl.DataFrame:
    """`count` rows of one customer: probes, refusals and a leap over the ocean, so that it alerts."""
    changes: list[dict[str, Any]] = [
        {"billing_amount_minor": 100, "merchant_id": "m-2"},
        {"billing_amount_minor": 100, "outcome": "declined_issuer", "response_code": "14"},
        {"message_type": "VERIFY", "billing_amount_minor": 0},
        {"latitude": 40.7, "longitude": -74.0},
    ]
    return bronze([sample_row(i, **changes[i % len(changes)]) for i in range(count)])
