"""The whole dbt project on Snowflake: the real dbt-snowflake against fakesnow's server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fraudstream_platform.settings import Settings
from fraudstream_platform.warehouse import dbt
from fraudstream_platform.warehouse.snowflake_session import snowflake_resource
from fraudstream_tests.fake_snowflake import account, serving, set_up
from fraudstream_tests.loading import load_all
from fraudstream_tests.small_lake import append, fill, transaction

pytestmark = pytest.mark.integration


@pytest.fixture(name="settings", scope="module")
def lake_and_account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with serving() as server:
        settings = account(server.url, tmp_path_factory.mktemp("snowflake"))
        fill(settings)
        set_up(settings)
        yield settings


def query(settings: Settings, sql: str) -> list[tuple[object, ...]]:
    with snowflake_resource(settings).get_connection() as connection:
        cursor = connection.cursor()
        cursor.execute(sql)
        return [tuple(row) for row in cursor.fetchall()]


def test_the_whole_project_builds_tests_and_grows(settings: Settings) -> None:
    """Guards against a model, test or macro that only DuckDB's own dialect has, and an incremental
    model that doubles rows on Snowflake.
    """
    load_all(settings)
    dbt.build(settings)
    totals = "select count(*), sum(billing_amount_minor) from marts.fct_transactions"
    assert query(settings, totals) == [(10, 1045)]
    append(settings, "silver.transactions", [transaction(10), transaction(11)])
    load_all(settings)
    dbt.build(settings)
    assert query(settings, totals) == [(12, 1266)]
