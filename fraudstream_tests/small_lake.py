"""A small lake that no drain made: ten transactions, alerts, labels, and what is kept out."""

from __future__ import annotations

import datetime as dt

import polars as pl

from fraudstream_platform.lake.actions import additions, try_commit
from fraudstream_platform.lake.files import write_file
from fraudstream_platform.lake.tables import (
    create_tables,
    full_schema,
    open_table,
    partition_column,
)
from fraudstream_platform.settings import Settings

START = dt.datetime(2026, 1, 1, 10, 59, 58, tzinfo=dt.UTC)
MERCHANT = {"merchant_id": "m1", "acquirer_id": "a1", "mcc": "5411", "merchant_country": "DE"}
KINDS = {
    "message_type": "AUTH",
    "source": "POS",
    "channel": "POS",
    "transaction_type": "purchase",
    "initiator": "CIT",
    "currency": "EUR",
    "entry_mode": "chip",
    "response_code": "00",
    "outcome": "approved",
}


def append(settings: Settings, table: str, rows: list[dict[str, object]]) -> None:
    """Files as the drain writes them, one a partition, in one commit."""
    schema, column = full_schema(table), partition_column(table)
    frame = pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)
    files = [
        write_file(settings, table, partition, held)
        for (partition,), held in frame.group_by(column, maintain_order=True)
    ]
    assert try_commit(open_table(settings, table), column, additions(files, column))


def transaction(offset: int) -> dict[str, object]:
    at = START + dt.timedelta(seconds=offset)
    money = {"amount_minor": 100 + offset, "billing_amount_minor": 100 + offset}
    position = {"partition": offset % 2, "offset": offset, "append_time": at}
    own = {"transaction_id": f"t{offset}", "event_time": at, "hour": at.strftime("%Y-%m-%dT%H")}
    return (
        own
        | position
        | money
        | KINDS
        | MERCHANT
        | {
            "quality_score": 1.0,
            "sent_at": at - dt.timedelta(milliseconds=100),
            "customer": "cu1_x" if offset < 7 else "cu1_y",
            "card": "ca1_x" if offset < 7 else "ca1_y",
        }
    )


def alert(offset: int, patterns: list[str]) -> dict[str, object]:
    at = START + dt.timedelta(seconds=offset)
    topic = {"topic_partition": 0, "topic_offset": offset, "topic_append_time": at}
    verdict = {"score": 700, "severity": "high", "action": "review", "patterns": patterns}
    own = {"alert_id": f"a{offset}", "reasons": [], "rules_version": "1", "lake_hour": "x"}
    return transaction(offset) | topic | verdict | own


def quarantined(offset: int) -> dict[str, object]:
    """A record that broke two rules."""
    broken = {"failed_rules": ["currency_known", "mcc_known"], "quality_score": 0.4}
    return transaction(offset) | broken


def features(offset: int) -> dict[str, object]:
    return transaction(offset) | {"score": 700, "rules_version": "1", "card_n_1h": offset}


def label(offset: int, transaction_id: str, label_type: str | None) -> dict[str, object]:
    """A label a day after; one without a type is a record that could not be used."""
    at = START + dt.timedelta(days=1, seconds=offset)
    topic = {"topic_partition": 0, "topic_offset": offset, "topic_append_time": at}
    if label_type is None:
        return topic | {"problem": "undecodable", "hour": "2026-01-02T10"}
    told = {"transaction_id": transaction_id, "label_type": label_type, "reported_at": at}
    return topic | told | {"source": "issuer", "hour": "2026-01-02T10"}


def fill(settings: Settings) -> None:
    """Ten transactions over an hour's boundary, one that broke rules, three alerts, four labels and
    one of no use.
    """
    create_tables(settings)
    append(settings, "silver.transactions", [transaction(n) for n in range(10)])
    append(settings, "gold.alerts", [alert(0, ["card_testing", "velocity_attack"])])
    append(settings, "gold.alerts", [alert(n, ["card_testing"]) for n in (1, 5)])
    append(settings, "gold.features", [features(n) for n in range(10)])
    append(settings, "silver.quarantine", [quarantined(20)])
    told = ((1, "fraud_report"), (2, "fraud_report"), (8, "charge_off"), (9, "chargeback"))
    labels = [label(offset, f"t{n}", kind) for offset, (n, kind) in enumerate(told)]
    append(settings, "labels.transactions", [*labels, label(4, "", None)])
