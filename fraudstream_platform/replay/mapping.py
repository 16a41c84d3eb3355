"""The mapping: which columns of a file become which fields of the transaction contract.

`docs/replay.md` explains the keys. A mistake is told with the key at fault, before a row is read.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from fraudstream_platform.contracts import codes
from fraudstream_platform.contracts.schemas import IDENTITY_KINDS, avro_schema
from fraudstream_platform.errors import UserError

Kind = Literal["identity", "money", "time", "date", "number", "integer", "text"]

MONEY_FIELDS = ("amount_minor", "billing_amount_minor", "credit_limit_minor", "open_to_buy_minor")
NEEDED_FIELDS = ("event_time", "amount_minor", "currency", "merchant_id", "mcc", "merchant_country")
"""What no default can stand in for."""
_ONE_OF = (("customer", "card"), ("entry_mode", "channel", "source"))

ANY_OTHER = "*"
"""Key of `values` for every value that is not listed."""

CODE_LISTS: dict[str, tuple[str, ...]] = {
    "message_type": codes.MESSAGE_TYPES,
    "source": codes.SOURCES,
    "channel": codes.CHANNELS,
    "transaction_type": codes.TRANSACTION_TYPES,
    "initiator": codes.INITIATORS,
    "currency": codes.CURRENCIES,
    "product": codes.PRODUCTS,
    "merchant_country": codes.COUNTRIES,
    "entry_mode": codes.ENTRY_MODES,
    "cvv_result": codes.CVV_RESULTS,
    "avs_result": codes.AVS_RESULTS,
    "tds_status": codes.TDS_STATUSES,
    "outcome": codes.OUTCOMES,
    "ip_country": codes.COUNTRIES,
    "ip_type": codes.IP_TYPES,
}
"""Field -> the values that the contract knows."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Strict):
    """Where a field's value comes from: one column, several joined by a space, or a constant."""

    column: str | None = None
    columns: tuple[str, ...] = ()
    const: str | None = None
    default: str | None = None
    """Taken where the cell is empty."""
    values: dict[str, str] = Field(default_factory=dict)
    """Translation of the file's values; one that is not in it makes the row bad."""
    pad: int = Field(default=0, ge=0, le=64)
    """Leading zeros are put back up to this length."""
    unit: Literal["major", "minor"] | None = None
    format: str | None = None
    """`epoch_s`, `epoch_ms`, or as for strptime; without it ISO 8601."""
    timezone: str = "UTC"
    """Of times that do not tell it themselves."""

    @model_validator(mode="after")
    def _one_origin(self) -> Source:
        given = [self.column is not None, bool(self.columns), self.const is not None]
        if sum(given) != 1:
            raise ValueError("needs exactly one of column, columns and const")
        return self

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        try:
            zoneinfo.ZoneInfo(value)
        except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
            raise ValueError("is no time zone of the IANA database") from None
        return value

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns of the file that are needed."""
        return self.columns if self.column is None else (self.column,)

    def produces(self) -> Iterable[str]:
        """Values that are known before any row is read."""
        fixed = (one for one in (self.const, self.default) if one is not None)
        return (*self.values.values(), *(self.values.get(one, one) for one in fixed))


class Label(_Strict):
    """How a column becomes labels: the file's values to label types, an empty text for no label."""

    column: str
    values: dict[str, Literal["fraud_report", "chargeback", "charge_off", "genuine", ""]]
    source: Literal["cardholder", "issuer", "scheme", "analyst"] = "issuer"
    reported_at: Source | None = None
    delay_days: float = Field(default=7.0, ge=0, le=3650)
    """From the event to the report, where `reported_at` is not mapped."""

    @field_validator("reported_at", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return {"column": value} if isinstance(value, str) else value


class Mapping(_Strict):
    """A whole mapping file."""

    fields: dict[str, Source]
    label: Label | None = None
    nulls: tuple[str, ...] = ("",)
    """Texts that mean that nothing is there."""
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    """Between the cells of a CSV file."""
    billing_currency: str | None = None
    """Currency of the billed amounts and limits; without it the transaction's own."""
    shift_days: float = Field(default=0.0, ge=-36500, le=36500)
    """Added to every time of the file, so that old rows can be replayed as of today."""

    @field_validator("fields", mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {
            name: {"column": source} if isinstance(source, str) else source
            for name, source in value.items()
        }

    @field_validator("billing_currency")
    @classmethod
    def _known_currency(cls, value: str | None) -> str | None:
        if value is not None and value not in codes.CURRENCIES:
            raise ValueError("is no ISO 4217 code")
        return value

    @model_validator(mode="after")
    def _fits_the_contract(self) -> Mapping:
        for name, source in self.fields.items():
            _refuse_misfit(name, source)
        missing = [name for name in NEEDED_FIELDS if name not in self.fields]
        if missing:
            raise ValueError(f"fields.{missing[0]}: has to be mapped")
        for names in _ONE_OF:
            if not any(name in self.fields for name in names):
                raise ValueError(f"fields.{names[0]}: map it, or {' or '.join(names[1:])}")
        return self

    def columns(self) -> dict[str, str]:
        """Column of the file -> the first key of the mapping that names it."""
        named: dict[str, str] = {}
        for name, source in self.fields.items():
            for column in source.reads:
                named.setdefault(column, f"fields.{name}")
        if self.label is not None:
            named.setdefault(self.label.column, "label.column")
            if self.label.reported_at is not None:
                for column in self.label.reported_at.reads:
                    named.setdefault(column, "label.reported_at")
        return named


@cache
def field_kinds() -> dict[str, Kind]:
    """Contract field -> how a value of the file is read for it."""
    by_type: dict[str, Kind] = {
        "timestamp-millis": "time",
        "date": "date",
        "double": "number",
        "int": "integer",
        "string": "text",
    }
    kinds: dict[str, Kind] = {}
    for field in avro_schema("transaction")["fields"]:
        name, avro = field["name"], field["type"]
        if isinstance(avro, list):
            (avro,) = [branch for branch in avro if branch != "null"]
        if name in IDENTITY_KINDS:
            kinds[name] = "identity"
        elif name in MONEY_FIELDS:
            kinds[name] = "money"
        else:
            kinds[name] = by_type[avro["logicalType"] if isinstance(avro, dict) else avro]
    return kinds


def _refuse_misfit(name: str, source: Source) -> None:
    kind = field_kinds().get(name)
    if kind is None:
        raise ValueError(f"fields.{name}: is no field of the transaction contract")
    if kind == "money" and source.unit is None:
        raise ValueError(f"fields.{name}.unit: say whether the column holds major or minor units")
    options = {
        "unit": (source.unit is not None, kind == "money"),
        "format": (source.format is not None, kind in ("time", "date")),
        "timezone": (source.timezone != "UTC", kind == "time"),
        "pad": (bool(source.pad), kind in ("text", "identity")),
    }
    for option, (used, fitting) in options.items():
        if used and not fitting:
            raise ValueError(f"fields.{name}.{option}: does not apply to this field")
    known = CODE_LISTS.get(name)
    unknown = sorted(set(source.produces()) - set(known)) if known else []
    if unknown:
        raise ValueError(f"fields.{name}: {unknown[0]!r} is no value of the contract")


def load_mapping(path: Path) -> Mapping:
    """Read and validate a mapping; raises `UserError` with the key at fault."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: is no UTF-8 text") from None
    try:
        loaded = _plain_texts(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{path}{where}: {getattr(error, 'problem', None) or 'no YAML'}") from None
    if not isinstance(loaded, dict):
        raise UserError(f"{path}: has to be a YAML mapping with the key `fields`")
    try:
        return Mapping.model_validate(loaded)
    except ValidationError as error:
        raise UserError(f"{path}: {_first(error)}") from None


def _plain_texts(text: str) -> Any:
    """The YAML with every scalar as the text that stands there, and no key twice.

    YAML's own types would make Norway (NO) a false and the code 0742 a number.
    """
    loader = yaml.BaseLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _refuse_doubled(node)
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _refuse_doubled(node: yaml.Node) -> None:
    """YAML lets the last of two equal keys win, without a word."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"{key.value} is there twice", problem_mark=key.start_mark
                )
            seen.add(str(key.value))
            _refuse_doubled(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_doubled(item)


def _first(error: ValidationError) -> str:
    item = error.errors(include_input=False, include_url=False)[0]
    key = ".".join(str(part) for part in item["loc"])
    message = item["msg"].removeprefix("Value error, ")
    return f"{key}: {message}" if key else message
