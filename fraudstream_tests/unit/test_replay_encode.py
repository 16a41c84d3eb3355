"""The quick encoder writes what Avro's own library writes, byte for byte."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream_platform.contracts.codec import Encoder
from fraudstream_platform.contracts.schemas import avro_schema
from fraudstream_platform.errors import UserError
from fraudstream_platform.replay import encode
from fraudstream_platform.replay.convert import Converter
from fraudstream_platform.replay.encode import RecordEncoder
from fraudstream_tests.unit.replays import TOKENISER, mapping_of

pytestmark = pytest.mark.unit

_BY_TYPE: dict[str, st.SearchStrategy[Any]] = {
    "string": st.one_of(st.sampled_from(["", "a", "ü"]), st.text(max_size=200)),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(allow_nan=False),
}


def _values(avro: Any) -> st.SearchStrategy[Any]:
    if isinstance(avro, list):
        (branch,) = [one for one in avro if one != "null"]
        return st.none() | _values(branch)
    return _BY_TYPE[avro["type"] if isinstance(avro, dict) else avro]


def _without_meanings(avro: Any) -> Any:
    """The type without its logical type, which fastavro would want as a date."""
    if isinstance(avro, list):
        return [_without_meanings(one) for one in avro]
    return avro["type"] if isinstance(avro, dict) else avro


def _required(field: dict[str, Any]) -> bool:
    return not isinstance(field["type"], list)


_FIELDS = avro_schema("transaction")["fields"]
_RECORDS = st.fixed_dictionaries({field["name"]: _values(field["type"]) for field in _FIELDS})
_PLAIN = {
    **avro_schema("transaction"),
    "fields": [{**field, "type": _without_meanings(field["type"])} for field in _FIELDS],
}


@settings(max_examples=60, deadline=None)
@given(st.lists(_RECORDS, max_size=4))
def test_every_record_has_the_bytes_of_fastavro(records: list[dict[str, Any]]) -> None:
    """A cache of one field that answered for another would garble records that still decode."""
    ours, theirs = RecordEncoder(300), Encoder(300, _PLAIN)
    for record in records * 2:
        assert ours.encode(record) == theirs.encode(record)


def test_the_cache_is_bounded_and_keeps_nothing_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids never come again; a null stays a null after the cache was emptied."""
    monkeypatch.setattr(encode, "_CACHED_TEXTS", 3)
    ours, theirs = RecordEncoder(1), Encoder(1, _PLAIN)
    blank: dict[str, Any] = {field["name"]: None for field in _FIELDS}
    needed = {f["name"]: "" if f["type"] == "string" else 0 for f in _FIELDS if _required(f)}
    for number in range(20):
        customer = str(number) if number % 2 else None
        record = blank | needed | {"transaction_id": str(number), "customer": customer}
        assert ours.encode(record) == theirs.encode(record)
    with pytest.raises(ValueError, match="null in a required field"):
        ours.encode(blank)


def test_a_constant_that_cannot_be_read_is_a_mistake_of_the_mapping() -> None:
    """Otherwise the report would name every row of the file."""
    with pytest.raises(UserError, match=r"fields\.latitude: is no number"):
        Converter(mapping_of({"latitude": {"const": "north"}}), TOKENISER)
