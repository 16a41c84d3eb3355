"""Rows to records: what is sent keeps the contract, what is not sent is named, nothing is lost."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fraudstream_platform.contracts.codec import HEADER_BYTES
from fraudstream_platform.contracts.schemas import avro_schema
from fraudstream_platform.protection.vault import Sealer
from fraudstream_platform.replay.convert import derived_id
from fraudstream_platform.replay.pace import Pace
from fraudstream_platform.replay.prepare import Message, Prepared
from fraudstream_platform.replay.report import Report
from fraudstream_platform.replay.rows import open_rows
from fraudstream_platform.settings import EXAMPLE_VAULT_KEY
from fraudstream_tests.unit.replays import (
    AMEX,
    NOW_MS,
    ROW,
    SPARKOV,
    TOKENISER,
    VISA,
    mapping_of,
    prepare_file,
    preparer,
)

pytestmark = pytest.mark.unit


def _decoded(value: bytes, name: str = "transaction") -> dict[str, Any]:
    """The raw numbers of the Avro, as another reader sees them."""
    schema = json.loads(json.dumps(avro_schema(name)).replace('"logicalType"', '"was"'))
    body = io.BytesIO(value[HEADER_BYTES:])
    found = fastavro.schemaless_reader(body, fastavro.parse_schema(schema), None)
    assert isinstance(found, dict)
    assert not body.read()
    return found


def _one(row: dict[str, Any], fields: dict[str, Any] | None = None, **rest: Any) -> Prepared:
    return preparer(mapping_of(fields, **rest)).prepare([(2, row)])


def _reason(row: dict[str, Any], fields: dict[str, Any] | None = None, **rest: Any) -> str:
    found = _one(row, fields, **rest)
    assert not found.messages
    assert not found.seals
    ((line, reason),) = found.bad
    assert line == 2
    return reason


def _record(row: dict[str, Any], fields: dict[str, Any] | None = None) -> dict[str, Any]:
    found = _one(row, fields)
    assert found.bad == []
    return _decoded(found.messages[0].value)


def test_the_example_of_the_docs_is_sent_whole() -> None:
    """Guards the mapping that people copy: every row passes, with money, card and label right."""
    found = prepare_file(SPARKOV.with_suffix(".csv"), "csv", SPARKOV)
    assert found.bad == []
    records = [_decoded(message.value) for message in found.messages]
    assert [one["amount_minor"] for one in records] == [10_723, 490, 4_100]
    assert [one["entry_mode"] for one in records] == ["chip", "ecom", "chip"]
    assert records[0]["merchant_id"] == "fraud_Miller,_Stone_and_Sons"
    # The second card number lost its leading zero in the file.
    assert records[1]["card"] == TOKENISER.token("card", "060400000000")
    assert found.messages[0].key.decode() == records[0]["customer"]
    labels = [_decoded(one.label[1], "transaction_label") for one in found.messages if one.label]
    assert [one["label_type"] for one in labels] == ["genuine", "fraud_report", "genuine"]
    assert labels[1]["transaction_id"] == records[1]["transaction_id"]
    assert labels[1]["reported_at"] == records[1]["event_time"] + 7 * 86_400_000


def test_a_clear_identity_is_only_ever_sealed() -> None:
    """A card number or name in the clear on the raw topic would end in the lake."""
    found = prepare_file(SPARKOV.with_suffix(".csv"), "csv", SPARKOV)
    sent = b"".join(one.value + one.key for one in found.messages).lower()
    for secret in (b"4000000000000002", b"60400000000", b"example street", b"ada example"):
        assert secret not in sent
    sealer = Sealer(EXAMPLE_VAULT_KEY)
    tokens = set()
    for key, value in found.seals:
        seal = json.loads(value)
        original = sealer.open(seal["sealed"])
        assert seal["token"] == key.decode()
        assert TOKENISER.token_normalised(original.kind, original.value) == seal["token"]
        tokens.add(seal["token"])
    records = [_decoded(one.value) for one in found.messages]
    used = {one[name] for one in records for name in ("customer", "card", "name", "address")}
    assert tokens == used
    assert len(tokens) == len(found.seals)  # once a token


def test_missing_cells_are_null_and_defaults_are_those_of_the_docs() -> None:
    """A default that changes silently changes what is detected."""
    record = _record({**ROW, "customer": "", "mail": None}, {"email": "mail"})
    assert record["customer"] is None
    assert record["email"] is None
    assert record["latitude"] is None
    wanted = {
        "message_type": "AUTH",
        "transaction_type": "purchase",
        "initiator": "CIT",
        "source": "POS",
        "channel": "POS",
        "acquirer_id": "unknown",
        "terminal_id": "shop-1",
        "billing_amount_minor": 1_234,
        "response_code": "00",
        "outcome": "approved",
        "bin8": "41111111",
        "sent_at": NOW_MS,
    }
    assert {name: record[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"channel": "ATM"}, ("chip", "POS", "cash")),
        ({"channel": "MOTO"}, ("manual", "ONLINE", "purchase")),
        ({"source": "MOBILE"}, ("wallet", "MOBILE", "purchase")),
        ({"source": "ONLINE"}, ("ecom", "ONLINE", "purchase")),
        ({"entry_mode": "wallet"}, ("wallet", "MOBILE", "purchase")),
        ({"entry_mode": "credential_on_file"}, ("credential_on_file", "ONLINE", "purchase")),
    ],
)
def test_entry_mode_channel_and_source_follow_from_each_other(
    given: dict[str, str], wanted: tuple[str, str, str]
) -> None:
    """One of the three is enough."""
    consts = {name: {"const": value} for name, value in given.items()}
    record = _record(ROW, {"entry_mode": None, **consts})
    assert (record["entry_mode"], record["source"], record["transaction_type"]) == wanted


@pytest.mark.parametrize(
    ("code", "outcome"),
    [("00", "approved"), ("51", "declined_issuer"), ("59", "declined_risk"),
     ("54", "declined_data"), ("91", "technical")],
)  # fmt: skip
def test_response_code_and_outcome_follow_from_each_other(code: str, outcome: str) -> None:
    """A decline without a code must not become an approval, nor the other way round."""
    assert _record(ROW, {"response_code": {"const": code}})["outcome"] == outcome
    told = _record(ROW, {"outcome": {"const": outcome}})
    again = _record(ROW, {"response_code": {"const": told["response_code"]}})
    assert again["outcome"] == outcome


def test_networks_and_bins_are_derived_with_care() -> None:
    """The eight first digits of a short card number would almost give it away."""
    record = _record({**ROW, "card": AMEX, "ip": "192.0.2.77"}, {"ip": "ip"})
    assert record["bin8"] == "37828224"
    assert record["ip_net"] == TOKENISER.token("ipnet", "192.0.2.0/24")
    assert _record({**ROW, "card": "060400000000"})["bin8"] is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"amount": "12.345"}, "amount_minor: has more than 2 decimals"),
        ({"amount": ""}, "amount_minor: is empty"),
        ({"amount": "-1"}, "breaks amount_minor_range"),
        ({"currency": "EURO"}, "amount_minor: has no currency that ISO 4217 knows"),
        ({"at": "13/09/2020"}, "event_time: is no time in the form ISO 8601"),
        ({"at": "2020-09-13T12:40:00Z"}, "breaks event_time_in_future"),
        ({"card": "4111111111111112"}, "card: not a valid card"),
        ({"card": "", "customer": None}, "neither customer nor card"),
        ({"shop": ""}, "merchant_id: is empty"),
        ({"shop": "x" * 65}, "breaks merchant_id_format"),
        ({"shop": VISA.replace(" ", "")}, "a card number, e-mail or telephone number"),
        ({"shop": "a\udcff"}, "merchant_id: is no valid text"),
        ({"shop": ["a"]}, "merchant_id: is no single value"),
    ],
)
def test_a_bad_row_is_named_and_not_sent(change: dict[str, Any], reason: str) -> None:
    """What the pipeline would dead-letter or quarantine for its own fault is told by its line."""
    assert reason in _reason({**ROW, **change})


def test_no_reason_quotes_a_cell() -> None:
    """The report is a file in the clear; a column mapped by mistake may hold card numbers."""
    secret = "4242424242424242x"
    for name in ROW:
        assert secret not in _reason({**ROW, name: secret + "@" if name == "shop" else secret},
                                     {"customer": {"column": "customer", "values": {"c-1": "c"}}})  # fmt: skip


def test_an_old_row_is_sent_and_its_quarantine_foretold() -> None:
    """History is no fault of the row: Bronze keeps it, Silver puts it aside."""
    found = _one({**ROW, "at": "2019-01-01T00:00:00Z"})
    assert len(found.messages) == 1
    assert +found.quarantine == {"event_time_too_old": 1}
    shifted = _one({**ROW, "at": "2019-01-01T00:00:00Z"}, shift_days=621)
    assert not +shifted.quarantine
    assert _decoded(shifted.messages[0].value)["event_time"] == 1_546_300_800_000 + 621 * 86_400_000


def test_a_label_of_unknown_value_makes_the_row_bad_and_an_empty_one_gives_none() -> None:
    """A fraud that is spelt in another way would be learnt as genuine."""
    label = {"column": "fraud", "values": {"Y": "chargeback", "N": ""}, "reported_at": "seen"}
    row = {**ROW, "seen": "2020-09-13T12:10:00Z"}
    (message,) = _one({**row, "fraud": "Y"}, label=label).messages
    assert message.label is not None
    found = _decoded(message.label[1], "transaction_label")
    assert (found["label_type"], found["source"]) == ("chargeback", "issuer")
    assert found["reported_at"] == 1_599_999_000_000
    for none in ("N", "", None):
        assert _one({**row, "fraud": none}, label=label).messages[0].label is None
    assert "label" in _reason({**row, "fraud": "maybe"}, label=label)


def test_a_repeat_of_a_file_gives_the_same_ids() -> None:
    """A repeat is recognised as duplicates; the same cells at another line are another row."""
    assert derived_id(2, ROW) == derived_id(2, dict(ROW))
    assert derived_id(2, ROW) != derived_id(3, ROW)
    assert not any(char.isdigit() for char in derived_id(2, ROW))


def _many(folder: Path) -> Path:
    path = folder / "many.csv"
    with path.open("w", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(ROW)
        for number in range(500):
            amount = "none" if number % 50 == 7 else f"{number}.25"
            shop = f'shop "{number}"\nback' if number % 9 == 0 else f"shop-{number}"
            cells = {**ROW, "amount": amount, "shop": shop, "customer": f"c-{number % 20}"}
            writer.writerow(cells.values())
    return path


def _by_chunks(path: Path, size: int) -> tuple[list[Message], list[bytes], list[tuple[int, str]]]:
    mapping = mapping_of()
    rows = open_rows(path, "csv", mapping.columns())
    found = list(preparer(mapping).chunks(rows, size))
    return (
        [message for one in found for message in one.messages],
        [key for one in found for key, _ in one.seals],
        [(bad.line, bad.reason) for one in found for bad in one.bad],
    )


def test_chunks_do_not_change_what_is_sent(tmp_path: Path) -> None:
    """Where a chunk ends is an accident of memory; it must not show in the topic."""
    path = _many(tmp_path)
    whole = _by_chunks(path, 10_000)
    assert len(whole[0]) == 490
    assert len(whole[2]) == 10
    lines = path.read_text().splitlines()
    assert all("none" in lines[line - 1] for line, _ in whole[2])
    for size in (1, 7, 100):
        assert _by_chunks(path, size) == whole


def test_the_pace_keeps_the_gaps_and_never_goes_back() -> None:
    """A row out of order is sent at once; all others after their gap, divided by the factor."""
    pace = Pace(60.0, lambda: 1_000)
    assert [pace.due_ms(at) for at in (0, 60_000, 30_000, 120_000)] == [1_000, 2_000, 2_000, 3_000]
    assert Pace(0.0, lambda: 5).due_ms(10_000) == 5


def test_the_report_adds_up(tmp_path: Path) -> None:
    """Every row read is sent or named."""
    report = Report("many.csv")
    mapping = mapping_of()
    for prepared in preparer(mapping).chunks(open_rows(_many(tmp_path), "csv", {}), 64):
        report.note(prepared)
    told = json.loads(report.text())
    assert (told["rows_read"], told["skipped"], told["bad_not_listed"]) == (500, 10, 0)
    assert told["bad"][0]["reason"] == "amount_minor: is no number"


def test_every_format_gives_the_same_records(tmp_path: Path) -> None:
    """A column's type in Parquet must not change an amount, a time or a card number."""
    fields = {"transaction_id": "id", "utc_offset_min": "offset"}
    typed = {**ROW, "id": 17, "amount": 12.34, "offset": 60, "card": 4111111111111111}
    as_text = {name: str(cell) for name, cell in typed.items()}
    comma, lines, parquet = (tmp_path / f"rows.{end}" for end in ("csv", "jsonl", "parquet"))
    comma.write_text(",".join(as_text) + "\n" + ",".join(as_text.values()) + "\n")
    lines.write_text(json.dumps(typed) + "\n")
    at = datetime.fromisoformat(ROW["at"])
    pq.write_table(pa.Table.from_pylist([{**typed, "at": at}]), parquet)
    mapping = mapping_of(fields)
    found = [
        prepare_file(comma, "csv", mapping),
        prepare_file(lines, "jsonl", mapping),
        prepare_file(parquet, "parquet", mapping),
    ]
    assert [one.bad for one in found] == [[], [], []]
    assert len({one.messages[0].value for one in found}) == 1
    assert _decoded(found[0].messages[0].value)["amount_minor"] == 1_234
