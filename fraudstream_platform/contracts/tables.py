"""Columns of the lake's tables (everything but `hour`, which is the Delta partition)."""

from __future__ import annotations

import polars as pl

from fraudstream_platform.contracts.schemas import (
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
    }
)
"""One record that could not be decoded, its payload sealed with Fernet."""

SILVER_SCHEMA = pl.Schema(
    {**POSITION_SCHEMA, "quality_score": pl.Float64(), **transaction_schema()}
)
"""One valid, de-duplicated, normalised transaction."""

QUARANTINE_SCHEMA = pl.Schema(
    {
        **POSITION_SCHEMA,
        "quality_score": pl.Float64(),
        "failed_rules": pl.List(pl.String()),
        **transaction_schema(),
    }
)
"""One record that failed a rule, with every failed rule named."""

ALERT_SCHEMA = frame_schema("fraud_alert")
"""One alert as it stands on the alert topic."""

LABEL_SCHEMA = pl.Schema({**frame_schema("transaction_label"), "problem": pl.String()})
"""One record of the label topic; where `problem` names why it cannot be used, the rest is null."""
