"""A row of someone's file as a record of the transaction contract, or the reason why it is none."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fraudstream_platform.contracts.codes import CURRENCIES
from fraudstream_platform.contracts.schemas import IDENTITY_KINDS, required_fields
from fraudstream_platform.errors import UserError
from fraudstream_platform.protection.normalise import IdentityError, normalise
from fraudstream_platform.protection.tokens import Tokeniser
from fraudstream_platform.protection.vault import Identity
from fraudstream_platform.replay import values
from fraudstream_platform.replay.defaults import bin_of, fill
from fraudstream_platform.replay.mapping import (
    ANY_OTHER,
    MONEY_FIELDS,
    Label,
    Mapping,
    Source,
    field_kinds,
)
from fraudstream_platform.replay.rows import Row
from fraudstream_platform.replay.values import Unreadable

_DAY_MS = 86_400_000
_ID_FIELDS = frozenset(("merchant_id", "merchant_group_id", "acquirer_id", "terminal_id"))
_DIGEST_BYTES = 16
_LETTERS = bytes.maketrans(b"0123456789", b"ghijklmnop")
"""A derived id has no digits: sixteen in a row could be taken for a card number."""

Cell = Callable[[Row], Any]
"""The cell that a field reads, translated and padded; None where there is nothing."""


@dataclass(frozen=True)
class Converted:
    """A record with tokens in its identity fields; times are epoch ms, money is minor units."""

    line: int
    record: dict[str, Any]
    identities: list[Identity]
    """With the values as the file has them."""
    label: dict[str, Any] | None

    @property
    def key(self) -> str:
        """Kafka key: the customer, else the card."""
        return str(self.record["customer"] or self.record["card"])


class Converter:
    """Converts rows by one mapping; the same row at the same line gives the same record."""

    def __init__(self, mapping: Mapping, tokeniser: Tokeniser) -> None:
        self._tokeniser = tokeniser
        self._nulls = frozenset(mapping.nulls)
        shift_ms = round(mapping.shift_days * _DAY_MS)
        self._blank: dict[str, Any] = dict.fromkeys(field_kinds())
        """What every record begins as: nothing but the constants."""
        self._readers: list[tuple[str, Cell, Callable[[Any], Any]]] = []
        self._money: list[tuple[str, Cell, str]] = []
        self._identities: list[tuple[str, Cell, str]] = []
        for name, source in mapping.fields.items():
            kind = field_kinds()[name]
            cell = self._cell(source)
            if kind == "money":
                self._money.append((name, cell, source.unit or ""))
            elif kind == "identity":
                self._identities.append((name, cell, IDENTITY_KINDS[name]))
            elif source.const is not None:
                self._blank[name] = _read_const(name, cell, _reader(name, kind, source, shift_ms))
            else:
                self._readers.append((name, cell, _reader(name, kind, source, shift_ms)))
        self._billing_currency = mapping.billing_currency
        self._required = required_fields("transaction")
        self._label = mapping.label
        if mapping.label is not None:
            self._label_cell = self._cell(Source(column=mapping.label.column))
            self._reported = self._reported_at(mapping.label, shift_ms)

    def convert(self, line: int, row: Row) -> Converted | str:
        """The record of a row, or the reason why it is bad."""
        record = self._blank.copy()
        name = ""
        try:
            for name, cell, read in self._readers:
                value = cell(row)
                if value is not None:
                    record[name] = read(value)
            for name, cell, unit in self._money:
                value = cell(row)
                if value is not None:
                    record[name] = values.minor_units(value, unit, self._currency(name, record))
            identities = []
            for name, cell, kind in self._identities:
                value = cell(row)
                if value is not None:
                    identities.append(self._tokenise(record, name, kind, values.text_of(value)))
            name = ""
            self._complete(record, line, row, identities)
            name = "label"
            label = None if self._label is None else self._label_of(self._label, row, record)
        except IdentityError as error:
            return f"{name}: {error}"
        except Unreadable as error:
            return f"{name}: {error}" if name else str(error)
        except UnicodeEncodeError:
            return f"{name}: is no valid text" if name else "is no valid text"
        return Converted(line, record, identities, label)

    def _cell(self, source: Source) -> Cell:
        """The function that takes a field's cell out of a row."""
        nulls, default, translation, pad = self._nulls, source.default, source.values, source.pad
        if source.const is not None:
            fixed = translation.get(source.const, source.const).rjust(pad, "0")
            return lambda row: fixed
        columns = source.reads
        (single,) = columns if len(columns) == 1 else ("",)

        def take(row: Row) -> Any:
            value = row.get(single) if single else _joined(row, columns, nulls)
            if value is None or (isinstance(value, str) and value.strip() in nulls):
                if default is None:
                    return None
                value = default
            if translation:
                value = _translated(values.text_of(value), translation)
            return values.text_of(value).rjust(pad, "0") if pad else value

        return take

    def _currency(self, field: str, record: dict[str, Any]) -> str:
        """Currency of a money field; an unknown one has no known minor unit."""
        billed = self._billing_currency if field != MONEY_FIELDS[0] else None
        currency = billed or record["currency"]
        if currency not in CURRENCIES:
            raise Unreadable("has no currency that ISO 4217 knows")
        return str(currency)

    def _tokenise(self, record: dict[str, Any], name: str, kind: str, value: str) -> Identity:
        token = self._tokeniser.token(kind, value)
        record[name] = token
        if name == "card" and record["bin8"] is None:
            record["bin8"] = bin_of(normalise(kind, value))
        return Identity(token, kind, value)

    def _complete(
        self, record: dict[str, Any], line: int, row: Row, identities: list[Identity]
    ) -> None:
        """Derive what is missing; raises where the contract asks for more."""
        if record["ip"] is not None and record["ip_net"] is None:
            (address,) = [one.value for one in identities if one.token == record["ip"]][:1]
            identities.append(self._tokenise(record, "ip_net", "ipnet", address))
        if record["customer"] is None and record["card"] is None:
            raise Unreadable("neither customer nor card")
        if record["transaction_id"] is None:
            record["transaction_id"] = derived_id(line, row)
        fill(record)
        for name in self._required:
            if record[name] is None:
                raise Unreadable(f"{name}: is empty")

    def _reported_at(self, label: Label, shift_ms: int) -> Callable[[Row, int], int]:
        if label.reported_at is None:
            delay_ms = round(label.delay_days * _DAY_MS)
            return lambda _row, event_ms: event_ms + delay_ms
        cell = self._cell(label.reported_at)
        read = values.time_reader(label.reported_at.format, label.reported_at.timezone, shift_ms)

        def reported(row: Row, _event_ms: int) -> int:
            value = cell(row)
            if value is None:
                raise Unreadable("reported_at is empty")
            return read(value)

        return reported

    def _label_of(self, label: Label, row: Row, record: dict[str, Any]) -> dict[str, Any] | None:
        value = self._label_cell(row)
        if value is None:
            return None
        label_type = _translated(values.text_of(value), label.values)
        if not label_type:
            return None
        return {
            "transaction_id": record["transaction_id"],
            "label_type": label_type,
            "reported_at": self._reported(row, record["event_time"]),
            "source": label.source,
        }


def _read_const(name: str, cell: Cell, read: Callable[[Any], Any]) -> Any:
    """A constant, read once; what cannot be read is a mistake of the mapping, not of each row."""
    try:
        return read(cell({}))
    except Unreadable as error:
        raise UserError(f"fields.{name}: {error}") from None


def _reader(name: str, kind: str, source: Source, shift_ms: int) -> Callable[[Any], Any]:
    if kind == "time":
        return values.time_reader(source.format, source.timezone, shift_ms)
    if kind == "date":
        return values.date_reader(source.format, shift_ms)
    if kind == "number":
        return values.real
    if kind == "integer":
        return values.integer
    if name in _ID_FIELDS:
        return lambda value: values.identifier(values.text_of(value))
    return lambda value: values.text_of(value).strip()


def _joined(row: Row, columns: tuple[str, ...], nulls: frozenset[str]) -> str | None:
    parts = [values.text_of(row[name]) for name in columns if row.get(name) is not None]
    return " ".join(part.strip() for part in parts if part.strip() not in nulls) or None


def _translated(text: str, translation: dict[str, Any]) -> str:
    found = translation.get(text.strip())
    if found is None:
        found = translation.get(ANY_OTHER)
    if found is None:
        raise Unreadable("is not among the values of the mapping")
    return str(found)


def derived_id(line: int, row: Row) -> str:
    """Id of a row that has none, from its line and cells: a repeat of the file gives it again."""
    text = json.dumps([line, row], sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()[: 2 * _DIGEST_BYTES]
    return "row-" + digest.encode().translate(_LETTERS).decode()
