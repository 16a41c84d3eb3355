"""The mapping: a mistake is told before any row is read, with the key at fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from fraudstream_platform.errors import UserError
from fraudstream_platform.replay.mapping import CODE_LISTS, field_kinds, load_mapping
from fraudstream_platform.replay.rows import open_rows
from fraudstream_tests.unit.replays import SPARKOV

pytestmark = pytest.mark.unit

GOOD = """
fields:
  event_time: at
  amount_minor: {column: amount, unit: major}
  currency: {const: EUR}
  card: card
  merchant_id: shop
  mcc: {const: 0742}
  merchant_country: {const: NO}
  entry_mode: {const: chip}
"""


def _load(folder: Path, text: str) -> str:
    """The message of a bad mapping."""
    path = folder / "mapping.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        load_mapping(path)
    return str(caught.value)


def test_a_scalar_is_the_text_that_stands_there(tmp_path: Path) -> None:
    """YAML's types would make Norway a false and the code 0742 another number, unnoticed."""
    path = tmp_path / "mapping.yaml"
    path.write_text(GOOD)
    fields = load_mapping(path).fields
    assert fields["mcc"].const == "0742"
    assert fields["merchant_country"].const == "NO"


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("card: card", "crad: card", "fields.crad"),
        ("{column: amount, unit: major}", "amount", "fields.amount_minor.unit"),
        ("unit: major", "unit: cents", "fields.amount_minor.unit"),
        ("event_time: at", "event_time: {column: at, zone: UTC}", "fields.event_time.zone"),
        (
            "event_time: at",
            "event_time: {column: at, timezone: Mars}",
            "fields.event_time.timezone",
        ),
        ("  event_time: at\n", "", "fields.event_time"),
        ("  card: card\n", "", "fields.customer"),
        ("  entry_mode: {const: chip}\n", "", "fields.entry_mode"),
        ("{const: chip}", "{const: Chip}", "fields.entry_mode"),
        ("{const: EUR}", "{column: c, values: {a: EURO}}", "fields.currency"),
        ("merchant_id: shop", "merchant_id: {column: a, const: b}", "fields.merchant_id"),
        ("merchant_id: shop", "merchant_id: {column: a, unit: minor}", "fields.merchant_id.unit"),
        ("fields:", "label: {column: x, values: {1: fraud}}\nfields:", "label.values.1"),
        ("fields:", "lable: {}\nfields:", "lable"),
        ("card: card", "card: card\n  card: other", "line 7: card is there twice"),
        ("fields:", "fields: [", "line"),
    ],
)
def test_a_bad_mapping_names_its_key(tmp_path: Path, old: str, new: str, key: str) -> None:
    """Guards against a misspelt key that is ignored, and money that is wrong by a hundred."""
    assert old in GOOD
    assert key in _load(tmp_path, GOOD.replace(old, new))


def test_a_mapping_that_is_not_there_or_no_mapping_is_told(tmp_path: Path) -> None:
    """A path in the wrong place is one clear line."""
    with pytest.raises(UserError, match="No such file"):
        load_mapping(tmp_path / "none.yaml")
    assert "fields" in _load(tmp_path, "")


def test_a_column_that_the_file_lacks_is_told_with_its_key(tmp_path: Path) -> None:
    """Otherwise every row would be bad, or every field null."""
    data = tmp_path / "data.csv"
    data.write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match=r"fields.transaction_id: .*no column 'trans_num'"):
        open_rows(data, "csv", load_mapping(SPARKOV).columns())


def test_every_code_list_and_kind_is_of_a_field_of_the_contract() -> None:
    """A renamed field would silently lose its check."""
    assert set(CODE_LISTS) <= set(field_kinds())
    assert field_kinds()["account_opened"] == "date"
    assert field_kinds()["device_pan"] == "identity"
