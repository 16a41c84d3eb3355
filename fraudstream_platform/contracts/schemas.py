"""The Avro contracts in `schemas/`, and the polars and numpy types that follow from them.

The `.avsc` files are the one source; everything typed elsewhere is derived here.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

SCHEMA_DIR = Path(__file__).resolve().parents[2] / "schemas"

IDENTITY_KINDS: dict[str, str] = {
    "customer": "customer",
    "card": "card",
    "device_pan": "card",
    "email": "email",
    "phone": "phone",
    "address": "address",
    "name": "name",
    "device": "device",
    "ip": "ip",
    "ip_net": "ipnet",
}
"""Transaction field -> kind of identity; a kind is a token domain of its own.

A wallet's device account number is a card number of its own, so it shares the card's domain.
"""

_PRIMITIVES: dict[str, pl.DataType] = {
    "string": pl.String(),
    "int": pl.Int32(),
    "long": pl.Int64(),
    "double": pl.Float64(),
    "boolean": pl.Boolean(),
}
_LOGICAL: dict[str, pl.DataType] = {
    "timestamp-millis": pl.Datetime("ms", "UTC"),
    "date": pl.Date(),
}


@cache
def avro_schema(name: str) -> dict[str, Any]:
    """The parsed JSON of `schemas/<name>.avsc`."""
    loaded: dict[str, Any] = json.loads((SCHEMA_DIR / f"{name}.avsc").read_text())
    return loaded


@cache
def avro_text(name: str) -> str:
    """The text of `schemas/<name>.avsc`, as it is registered."""
    return (SCHEMA_DIR / f"{name}.avsc").read_text()


def polars_type(avro_type: Any) -> pl.DataType:
    """The polars type of an Avro type; a union with null gives the type of its other branch."""
    if isinstance(avro_type, list):
        (branch,) = [item for item in avro_type if item != "null"]
        return polars_type(branch)
    if isinstance(avro_type, str):
        return _PRIMITIVES[avro_type]
    if "logicalType" in avro_type:
        return _LOGICAL[avro_type["logicalType"]]
    if avro_type["type"] == "array":
        return pl.List(polars_type(avro_type["items"]))
    if avro_type["type"] == "record":
        fields = {f["name"]: polars_type(f["type"]) for f in avro_type["fields"]}
        return pl.Struct(fields)
    return polars_type(avro_type["type"])


@cache
def frame_schema(name: str) -> pl.Schema:
    """Column names and polars types of the records of `schemas/<name>.avsc`, in field order."""
    return pl.Schema({f["name"]: polars_type(f["type"]) for f in avro_schema(name)["fields"]})


@cache
def required_fields(name: str) -> tuple[str, ...]:
    """Fields of the contract that may not be null."""
    return tuple(f["name"] for f in avro_schema(name)["fields"] if not isinstance(f["type"], list))


def transaction_schema() -> pl.Schema:
    """Columns of a decoded transaction."""
    return frame_schema("transaction")


POSITION_SCHEMA = pl.Schema(
    {
        "partition": pl.Int32(),
        "offset": pl.Int64(),
        "append_time": pl.Datetime("ms", "UTC"),
    }
)
"""Where a record stands in the raw topic; append_time is Kafka's LogAppendTime."""

ORIGIN_SCHEMA = pl.Schema(
    {
        "first_offset": pl.Int64(),
        "first_append_time": pl.Datetime("ms", "UTC"),
    }
)
"""Of a record that was put through again: the offset (in the same partition) of the one that it
repeats, and when that was first appended; null for all others."""
