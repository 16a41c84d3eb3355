"""Random streams of Bronze rows for property tests: few entities, much trouble."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
from hypothesis import strategies as st

from fraudstream_platform.contracts.schemas import ORIGIN_SCHEMA
from fraudstream_platform.detection.sample import START, sample_row, token

NOT_REPLAYED = {name: pl.lit(None, dtype) for name, dtype in ORIGIN_SCHEMA.items()}
"""Columns of rows that are in the log for the first time."""

GAPS_S = (0, 1, 30, 59, 60, 400, 600, 3_599, 3_600, 20_000, 86_400, 90_000, 400_000)
OUTCOMES = (
    ("approved", "00"), ("approved", "00"), ("declined_issuer", "51"), ("declined_issuer", "14"),
    ("declined_risk", "59"), ("technical", "91"),
)  # fmt: skip
MESSAGES = ("AUTH", "AUTH", "AUTH", "VERIFY", "REVERSAL", "INCREMENT", "REFUND", "PREAUTH",
            "PAYMENT_RETURN")  # fmt: skip
OPENED = (None, date(2025, 12, 1), date(2026, 1, 20))
CHANGED_S = (None, None, -60, 0, 7_000)
LIMITS = ((None, None), (100_000, 90_000), (100_000, 0), (50_000, 60_000), (0, 0))
PLACES = ((52.5, 13.4, 1.0), (48.1, 11.6, None), (-33.9, 151.2, 20.0), (None, None, None))


@st.composite
def row_choices(draw: st.DrawFn) -> dict[str, Any]:
    """What varies in one row, as small numbers that shrink well."""
    return {
        "gap": draw(st.sampled_from(GAPS_S)),
        "late": draw(st.sampled_from((0, 0, 0, 5, 700, 4_000, 86_400, 900_000))),
        "customer": draw(st.sampled_from((0, 1, 1, 2))),
        "card": draw(st.sampled_from((0, 1, 1, 2))),
        "wallet": draw(st.booleans()),
        "amount": draw(st.sampled_from((0, 100, 300, 301, 2_500, 40_000, 3_000_000_000))),
        "outcome": draw(st.sampled_from(OUTCOMES)),
        "message": draw(st.sampled_from(MESSAGES)),
        "mit": draw(st.sampled_from((False, False, False, True))),
        "merchant": draw(st.integers(0, 2)),
        "place": draw(st.sampled_from(PLACES)),
        "entry": draw(st.sampled_from(("chip", "magstripe", "ecom", "wallet"))),
        "mcc": draw(st.sampled_from(("5411", "5541", "5732", "6011"))),
        "purpose": draw(st.sampled_from(("purchase", "purchase", "cash"))),
        "device": draw(st.integers(0, 6)),
        "country": draw(st.sampled_from(("DE", "FR", "US"))),
        "ip_country": draw(st.sampled_from((None, "DE", "US"))),
        "utc_offset": draw(st.sampled_from((None, 60, -300))),
        "opened": draw(st.sampled_from(OPENED)),
        "changed": draw(st.sampled_from(CHANGED_S)),
        "limit": draw(st.sampled_from(LIMITS)),
        "cvv": draw(st.sampled_from((None, "match", "no_match"))),
        "repeat": draw(st.sampled_from((False, False, False, False, True))),
        "bad": draw(st.sampled_from((False, False, False, False, False, True))),
        "partition": draw(st.integers(0, 1)),
    }


def rows_of(choices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Bronze rows of the choices: append time goes on, event time lags as chosen."""
    now, rows = START, list[dict[str, Any]]()
    offsets = [0, 0]
    for number, c in enumerate(choices):
        now += timedelta(seconds=c["gap"])
        outcome, response = c["outcome"]
        event_time = now - timedelta(seconds=c["late"])
        changed = None if c["changed"] is None else event_time - timedelta(seconds=c["changed"])
        mit = c["mit"] and c["entry"] in ("ecom", "wallet")
        latitude, longitude, precision = c["place"]
        offsets[c["partition"]] += 1
        rows.append(
            sample_row(
                partition=c["partition"], offset=offsets[c["partition"]],
                append_time=now, sent_at=now,
                event_time=event_time,
                transaction_id=f"t-{number - 1 if c['repeat'] and number else number}",
                message_type=c["message"],
                original_id="t-0" if c["message"] in ("REVERSAL", "INCREMENT") else None,
                customer=token("cu", c["customer"]) if c["customer"] else None,
                card=token("ca", c["card"]) if c["card"] or not c["customer"] else None,
                device_pan=token("ca", 9) if c["wallet"] else None,
                billing_amount_minor=c["amount"], amount_minor=c["amount"],
                outcome=outcome, response_code=response, initiator="MIT" if mit else "CIT",
                merchant_id=f"m-{c['merchant']}", latitude=latitude, longitude=longitude,
                geo_precision_km=precision, entry_mode=c["entry"], mcc=c["mcc"],
                transaction_type=c["purpose"], merchant_country=c["country"],
                device=token("de", c["device"]) if c["device"] else None,
                ip_net=token("in", c["device"] // 2) if c["device"] > 1 else None,
                ip_country=c["ip_country"], utc_offset_min=c["utc_offset"],
                account_opened=c["opened"], contact_changed_at=changed,
                credential_changed_at=changed, wallet_added_at=changed,
                credit_limit_minor=c["limit"][0], open_to_buy_minor=c["limit"][1],
                cvv_result=c["cvv"], currency="???" if c["bad"] else "EUR",
            )
        )  # fmt: skip
    return rows


# Hypothesis draws lists of about twice their least size: without a long kind, most streams would
# hold five rows, in which no two events share an entity and a window.
streams = st.one_of(
    st.lists(row_choices(), max_size=6), st.lists(row_choices(), min_size=30, max_size=60)
).map(rows_of)
