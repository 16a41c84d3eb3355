"""Records of the label topic as rows: every record one row, whatever bytes it is."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream_platform.contracts.codec import Encoder, frame_value, zigzag
from fraudstream_platform.contracts.schemas import avro_schema, avro_text
from fraudstream_platform.contracts.tables import LABEL_SCHEMA
from fraudstream_platform.drain.labels import LabelReader
from fraudstream_platform.drain.registry import RegistryDownError

pytestmark = pytest.mark.unit

OURS, WIDER, ALERT, NOT_JSON = 5, 6, 7, 8
_WIDER = {
    **avro_schema("transaction_label"),
    "fields": [
        *avro_schema("transaction_label")["fields"],
        {"name": "comment", "type": ["null", "string"], "default": None},
    ],
}
REGISTERED = {
    OURS: avro_text("transaction_label"),
    WIDER: json.dumps(_WIDER),
    ALERT: avro_text("fraud_alert"),
    NOT_JSON: "no schema",
}
LABEL: dict[str, Any] = {
    "transaction_id": "t-1",
    "label_type": "fraud_report",
    "reported_at": 1_767_225_600_123,
    "source": "issuer",
}
_ENCODER = Encoder(OURS, avro_schema("transaction_label"))
GOOD = _ENCODER.encode(LABEL)


def reader() -> LabelReader:
    return LabelReader(REGISTERED.get)


def changed(**fields: Any) -> bytes:
    return _ENCODER.encode({**LABEL, **fields})


def beyond_time() -> bytes:
    """A label whose time no calendar has."""
    text = b"".join(zigzag(len(part)) + part for part in (b"t-1", b"fraud_report"))
    return frame_value(OURS, text + zigzag(1 << 62) + zigzag(6) + b"issuer")


POOR = {
    "no_schema_id": [b"", b"\x01", b"{}", b"\x00\x00\x00"],
    "foreign_schema": [frame_value(n, GOOD[5:]) for n in (ALERT, NOT_JSON, 99)],
    "undecodable": [GOOD[:-1], GOOD + b"x", frame_value(OURS, b""), beyond_time()],
    "transaction_id_format": [
        changed(transaction_id=text)
        for text in ("", "t 1", "t-1\n", "x" * 65, "4242424242424242", "a@b.org")
    ],
    "label_type_known": [changed(label_type="fraud"), changed(label_type="")],
    "source_known": [changed(source="4242 4242 4242 4242")],
}


def test_a_label_is_read_as_it_was_written() -> None:
    """Guards against times in another unit or zone."""
    (row,) = reader().read([GOOD]).to_dicts()
    at = dt.datetime(2026, 1, 1, 0, 0, 0, 123_000, tzinfo=dt.UTC)
    assert row == {**LABEL, "reported_at": at, "problem": None}


def test_a_later_version_of_the_contract_is_read_by_ours() -> None:
    """Guards against labels lost on the day when a source is upgraded first."""
    wider = Encoder(WIDER, _WIDER).encode({**LABEL, "comment": "called twice"})
    rows = reader().read([wider, GOOD])
    assert rows["transaction_id"].to_list() == ["t-1", "t-1"]
    assert rows["problem"].null_count() == 2


@pytest.mark.parametrize(
    ("problem", "value"), [(name, value) for name, values in POOR.items() for value in values]
)
def test_a_record_that_breaks_the_contract_costs_no_neighbour_and_is_not_stored(
    problem: str, value: bytes
) -> None:
    """Guards against a run that one poisoned label ends, and against card numbers in its fields."""
    before, poor, after = reader().read([GOOD, value, GOOD]).to_dicts()
    assert before == after
    assert before["transaction_id"] == "t-1"
    assert poor == {**dict.fromkeys(LABEL_SCHEMA), "problem": problem}


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60), st.binary(max_size=40).map(lambda b: frame_value(OURS, b))
        )
    )
)
def test_any_bytes_give_one_row_each(values: list[bytes]) -> None:
    """Guards against a record that is neither a row nor told of."""
    rows = reader().read(values)
    assert rows.height == len(values)
    assert rows.schema == LABEL_SCHEMA


def test_a_registry_that_is_away_is_no_verdict_on_a_label() -> None:
    """Guards against good labels marked as bad for ever because a service was restarting."""
    away = [True]

    def text(schema_id: int) -> str | None:
        if away[0]:
            raise RegistryDownError("away")
        return REGISTERED.get(schema_id)

    labels = LabelReader(text)
    with pytest.raises(RegistryDownError):
        labels.read([GOOD])
    away[0] = False
    assert labels.read([GOOD])["problem"].to_list() == [None]
