"""A replay without a broker: what the tests of it share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fraudstream_platform.contracts.codec import Encoder
from fraudstream_platform.contracts.schemas import avro_schema
from fraudstream_platform.protection.bulk_seal import BulkSealer
from fraudstream_platform.protection.tokens import Tokeniser
from fraudstream_platform.replay.check import Checker
from fraudstream_platform.replay.convert import Converter
from fraudstream_platform.replay.mapping import Mapping, load_mapping
from fraudstream_platform.replay.pace import Pace
from fraudstream_platform.replay.prepare import Prepared, Preparer
from fraudstream_platform.replay.rows import open_rows
from fraudstream_platform.settings import EXAMPLE_VAULT_KEY, PROJECT_ROOT

NOW_MS = 1_600_000_000_000
"""13 September 2020; the rows of the tests are a little older."""
SPARKOV = PROJECT_ROOT / "docs" / "examples" / "sparkov.yaml"
TOKENISER = Tokeniser(b"a key for these tests alone")
VISA, AMEX = "4111 1111 1111 1111", "378282246310005"

FIELDS: dict[str, Any] = {
    "event_time": "at",
    "amount_minor": {"column": "amount", "unit": "major"},
    "currency": "currency",
    "customer": "customer",
    "card": "card",
    "merchant_id": "shop",
    "mcc": {"const": "5411"},
    "merchant_country": {"const": "DE"},
    "entry_mode": {"const": "chip"},
}
ROW: dict[str, Any] = {
    "at": "2020-09-13T12:00:00Z",
    "amount": "12.34",
    "currency": "EUR",
    "customer": "c-1",
    "card": VISA,
    "shop": "shop-1",
}


def mapping_of(fields: dict[str, Any] | None = None, **rest: Any) -> Mapping:
    """The mapping of `FIELDS` with `fields` changed; a None takes a field away."""
    changed = {**FIELDS, **(fields or {})}
    kept = {name: source for name, source in changed.items() if source is not None}
    return Mapping.model_validate({"fields": kept, **rest})


def preparer(mapping: Mapping, speed: float = 0.0) -> Preparer:
    """A preparer whose clock stands still."""

    def clock() -> int:
        return NOW_MS

    return Preparer(
        Converter(mapping, TOKENISER),
        Checker(7, 0.8, 65_536),
        Encoder(8, avro_schema("transaction_label")),
        BulkSealer(EXAMPLE_VAULT_KEY),
        Pace(speed, clock),
        clock,
    )


def prepare_file(path: Path, file_format: str, mapping: Mapping | Path) -> Prepared:
    """The whole file as one chunk."""
    wanted = load_mapping(mapping) if isinstance(mapping, Path) else mapping
    rows = open_rows(path, file_format, wanted.columns(), wanted.delimiter)
    return preparer(wanted).prepare(list(rows))
