"""Records of the sealed topic as rows: each token once, whatever comes."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from fraudstream_platform.drain.seals import KnownTokens, read_vault_records
from fraudstream_platform.lake.tables import create_tables
from fraudstream_platform.protection.vault import vault_record
from fraudstream_platform.settings import Settings

GOOD = vault_record("ca1_a", "card", "sealed-a")
POOR = [b"", b"null", b"no json", b'{"token":"ca1_b"}', b'{"token":1}\n{"token":2}', b"[1]"]


@pytest.mark.parametrize("poor", POOR)
def test_a_record_that_is_no_seal_costs_no_neighbour(poor: bytes) -> None:
    rows = read_vault_records([GOOD, poor, GOOD])
    assert rows["token"].to_list() == ["ca1_a", None, "ca1_a"]
    assert rows["sealed"].to_list() == ["sealed-a", None, "sealed-a"]


def test_a_token_is_let_through_once_however_often_it_is_sent(tmp_path: Path) -> None:
    """Seals are sent at least once; the vault has one row a token."""
    settings = Settings(data_dir=tmp_path)
    create_tables(settings)
    known = KnownTokens(settings)
    let_through: list[pl.DataFrame] = []
    for first in range(0, 3_000, 70):
        sent = [f"ca1_{number}" for number in range(max(0, first - 35), first + 70)] * 2
        rows = read_vault_records([vault_record(token, "card", "s") for token in sent])
        let_through.append(known.only_new(rows))
    tokens = pl.concat(let_through)["token"]
    assert tokens.n_unique() == tokens.len() == first + 70
