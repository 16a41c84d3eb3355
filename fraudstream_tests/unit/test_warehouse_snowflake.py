"""Statements for Snowflake, and the settings that lead there."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from fraudstream_platform.contracts.schemas import IDENTITY_KINDS
from fraudstream_platform.lake.tables import VAULT, full_schema
from fraudstream_platform.settings import PROJECT_ROOT, Settings
from fraudstream_platform.warehouse import snowflake_tables as sql
from fraudstream_platform.warehouse.dbt import PROJECT_DIR, dbt_environment, target
from fraudstream_platform.warehouse.snowflake_session import snowflake_resource
from fraudstream_platform.warehouse.snowflake_tables import LOADED, Target
from fraudstream_platform.warehouse.staging import as_staged

pytestmark = pytest.mark.unit
ACCOUNT = {"snowflake_account": "org-one", "snowflake_user": "loader"}
PASSWORD = {**ACCOUNT, "snowflake_password": "x"}  # pragma: allowlist secret


def settings(**given: object) -> Settings:
    return Settings(_env_file=None, **given)  # type: ignore[arg-type]


def test_the_vault_is_never_loaded() -> None:
    """Guards against a copy of sealed originals that outlives their shredding."""
    assert VAULT not in LOADED


@pytest.mark.parametrize("table", LOADED)
def test_every_column_of_a_loaded_table_has_a_type(table: str) -> None:
    """Guards against a new kind of column that is noticed only on the account."""
    made = sql.create(Target("FINANCIAL_DATA", table))
    assert all(f'"{name.upper()}" ' in made for name in full_schema(table))
    assert "cluster by (date_trunc('HOUR', " in made


def test_what_is_no_identifier_is_refused() -> None:
    """Guards against SNOWFLAKE_DATABASE as a way into the statements."""
    with pytest.raises(ValueError, match="no identifier"):
        sql.quoted('x"; drop table y; --')


def test_lists_are_staged_as_json_and_times_as_utc_without_a_zone() -> None:
    """Guards against quotes in texts that break the JSON, and null lists that become lists of null."""
    schema = {
        "texts": pl.List(pl.String()),
        "structs": pl.List(pl.Struct({"code": pl.String(), "value": pl.Float64()})),
        "at": pl.Datetime("ms", "UTC"),
    }
    rows = pl.DataFrame(
        [
            {"texts": ['a"}', "ü"], "structs": [{"code": "c", "value": 0.5}], "at": 0},
            {"texts": [], "structs": [], "at": None},
            {"texts": None, "structs": None, "at": 1},
        ],
        schema=schema,
    )
    staged = as_staged(rows)
    assert staged.schema["at"] == pl.Datetime("ms")
    assert staged["texts"].to_list() == ['["a\\"}","ü"]', "[]", None]
    assert staged["structs"].to_list() == ['[{"code":"c","value":0.5}]', "[]", None]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (ACCOUNT, "one of SNOWFLAKE_PRIVATE_KEY_FILE"),
        ({"snowflake_account": "x", "snowflake_password": "x"}, "needs SNOWFLAKE_USER"),
        ({**PASSWORD, "snowflake_private_key_file": "key.p8"}, "one of"),
        ({**PASSWORD, "snowflake_url": "loopback:80"}, "SNOWFLAKE_URL"),
    ],
)
def test_an_account_that_nobody_can_log_in_to_is_refused(
    given: dict[str, str], message: str
) -> None:
    """Guards against a warehouse that fails at its first load, hours after the start."""
    with pytest.raises(ValueError, match=message):
        settings(**given)


def test_without_an_account_dbt_builds_on_duckdb(tmp_path: Path) -> None:
    """Guards against a build that goes to another warehouse than its settings say."""
    assert target(settings()) == "embedded"
    assert not any(name.startswith("SNOWFLAKE") for name in dbt_environment(settings()))
    with_account = dbt_environment(settings(**PASSWORD, data_dir=tmp_path))
    assert with_account["FRAUDSTREAM_TARGET"] == "snowflake"
    assert with_account["SNOWFLAKE_HOST"] == "org-one.snowflakecomputing.com"
    assert with_account["SNOWFLAKE_PORT"] == "443"


@pytest.mark.parametrize("passphrase", ["", "of the file"])
def test_a_key_pair_logs_in_without_a_password(tmp_path: Path, passphrase: str) -> None:
    """Guards against a key file that is first read on the account, and a password beside it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    lock = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    file = tmp_path / "key.p8"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
    given = {
        "snowflake_private_key_file": str(file),
        "snowflake_private_key_passphrase": passphrase,
    }
    arguments = snowflake_resource(settings(**ACCOUNT, **given))._connection_args
    assert arguments["private_key"] == key.private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
    )
    assert "password" not in arguments


def masked_columns() -> set[tuple[str, str]]:
    text = (PROJECT_ROOT / "deploy" / "snowflake_masks.sql").read_text()
    found = set()
    for table, columns in re.findall(r"alter table FINANCIAL_DATA\.(\S+) modify([^;]*);", text):
        masked = re.findall(r"column (\w+) set masking policy", columns)
        found |= {(table.lower(), column.lower()) for column in masked}
    return found


def test_every_column_that_leads_to_the_vault_is_masked() -> None:
    """Guards against a new identity column that everybody in the warehouse can read."""
    wanted = {
        (table, column)
        for table in LOADED
        for column in full_schema(table)
        if column in IDENTITY_KINDS or column in {"case_key", "sealed_payload"}
    }
    assert masked_columns() == wanted


def test_the_owners_script_makes_every_schema_that_is_written_to() -> None:
    """Guards against a first load that fails for want of a schema."""
    text = (PROJECT_ROOT / "deploy" / "snowflake.sql").read_text()
    made = set(re.findall(r"create schema if not exists FINANCIAL_DATA\.(\w+)", text))
    layers = {table.split(".")[0].upper() for table in LOADED}
    folders = {
        folder.name.upper() for folder in (PROJECT_DIR / "models").iterdir() if folder.is_dir()
    }
    assert layers | folders | {sql.LOADS} <= made
    for schema in layers | {sql.LOADS}:
        assert f"grant usage, create table on schema FINANCIAL_DATA.{schema} to" in text
