"""Columns of the lake's tables (everything but `hour`, which is the Delta partition)."""

from __future__ import annotations

import polars as pl

from fraudstream_platform.contracts.schemas import (
    ORIGIN_SCHEMA,
    POSITION_SCHEMA,
    frame_schema,
    transaction_schema,
)

BRONZE_SCHEMA = pl.Schema(
    {
        **POSITION_SCHEMA,
        "schema_id": pl.Int32(),
        "key_agrees": pl.Boolean(),
        **transaction_schema(),
        **ORIGIN_SCHEMA,
    }
)
"""One decoded record as it arrived, protected. `key_agrees`: Kafka key = customer, else card."""

DEAD_LETTER_SCHEMA = pl.Schema(
    {
        **POSITION_SCHEMA,
        "error_class": pl.String(),
        "detail": pl.String(),
        "payload_bytes": pl.Int64(),
        "sealed_payload": pl.String(),
        **ORIGIN_SCHEMA,
    }
)
"""One record that could not be decoded, its payload sealed with Fernet."""

SILVER_SCHEMA = pl.Schema(
    {
        **POSITION_SCHEMA,
        "quality_score": pl.Float64(),
        **transaction_schema(),
        **ORIGIN_SCHEMA,
    }
)
"""One valid, de-duplicated, normalised transaction."""

QUARANTINE_SCHEMA = pl.Schema(
    {
        **POSITION_SCHEMA,
        "quality_score": pl.Float64(),
        "failed_rules": pl.List(pl.String()),
        **transaction_schema(),
        **ORIGIN_SCHEMA,
    }
)
"""One record that failed a rule, with every failed rule named."""

ALERT_SCHEMA = frame_schema("fraud_alert")
"""One alert as it stands on the alert topic."""

LABEL_SCHEMA = pl.Schema({**frame_schema("transaction_label"), "problem": pl.String()})
"""One record of the label topic; where `problem` names why it cannot be used, the rest is null."""

QUALITY_SCHEMA = pl.Schema(
    {
        "window_start": pl.Datetime("ms", "UTC"),
        "window_stop": pl.Datetime("ms", "UTC"),
        "measured_at": pl.Datetime("ms", "UTC"),
        "source": pl.String(),
        "records": pl.Int64(),
        "valid": pl.Int64(),
        "quarantined": pl.Int64(),
        "held": pl.Int64(),
        "dead_letters": pl.Int64(),
        "completeness": pl.Float64(),
        "validity": pl.Float64(),
        "uniqueness": pl.Float64(),
        "timeliness": pl.Float64(),
        "quality_score": pl.Float64(),
        "delay_p50_ms": pl.Int64(),
        "delay_p95_ms": pl.Int64(),
        "drift": pl.Float64(),
        "drift_field": pl.String(),
        "schema_ids": pl.List(pl.Int32()),
        "failed_rules": pl.List(pl.Struct({"rule": pl.String(), "records": pl.Int64()})),
        "distributions": pl.List(
            pl.Struct({"field": pl.String(), "value": pl.String(), "records": pl.Int64()})
        ),
        "reasons": pl.List(pl.String()),
        "is_healthy": pl.Boolean(),
        "is_degraded": pl.Boolean(),
        "notice": pl.String(),
    }
)
"""One source (or `topic`) in one window: docs/quality.md explains the figures. `measured_at` grows
from one measurement to the next. `is_healthy` is of this window alone (null: too few records);
`is_degraded` is the source's state after it, `notice` (degraded, recovered) what is to be told."""

MERCHANT_PROFILE_SCHEMA = pl.Schema(
    {
        "effective_from": pl.Datetime("ms", "UTC"),
        "merchant_id": pl.String(),
        "window_s": pl.Int64(),
        "transactions": pl.Int64(),
        "customers": pl.Int64(),
        "partners": pl.Int64(),
        "shared_customers": pl.Int64(),
        "lift": pl.Float64(),
        "finding": pl.String(),
        "score": pl.Int32(),
    }
)
"""One merchant in the longest window looked at: how many merchants it shares customers with beyond
the null, the most customers shared with one of them, the highest lift over the null, and the finding
that it belongs to (null: none). `effective_from`: append time from which readers may use the row."""

IDENTITY_PROFILE_SCHEMA = pl.Schema(
    {
        "effective_from": pl.Datetime("ms", "UTC"),
        "entity": pl.String(),
        "component": pl.String(),
        "size": pl.Int64(),
        "grown_7d": pl.Int64(),
        "kinds": pl.List(pl.String()),
        "is_young": pl.Boolean(),
        "finding": pl.String(),
        "score": pl.Int32(),
    }
)
"""One customer (else card) that shares an identifier: its component (named by the first token in
it), how many it has and how many of them came first in the last seven days, the kinds of identifier
that link this one, and the finding that it belongs to (null: none)."""
