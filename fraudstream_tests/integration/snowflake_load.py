"""Loading Snowflake: the real connector against fakesnow's server, over a small lake on the disk."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import polars as pl
import pytest
from snowflake.connector import SnowflakeConnection
from snowflake.connector.cursor import SnowflakeCursor

from fraudstream_platform.lake.actions import held_files
from fraudstream_platform.lake.compaction import compact_partition, plan_bins
from fraudstream_platform.lake.replace import hour_files, replace_hour
from fraudstream_platform.lake.tables import full_schema, open_table, scan
from fraudstream_platform.settings import Settings
from fraudstream_platform.warehouse.snowflake_load import Loader
from fraudstream_platform.warehouse.snowflake_session import snowflake_resource
from fraudstream_platform.warehouse.snowflake_tables import LOADED, Target
from fraudstream_tests.fake_snowflake import Server, serving, set_up
from fraudstream_tests.fake_snowflake import account as account_at
from fraudstream_tests.loading import load_all
from fraudstream_tests.small_lake import append, fill, transaction

pytestmark = pytest.mark.integration
SILVER = "silver.transactions"
ROUNDS = 9
_databases = itertools.count()


@pytest.fixture(name="server", scope="module")
def fakesnow_server() -> Iterator[Server]:
    with serving() as server:
        yield server


class Account:
    """A lake, a database for it, and a healthy loader between them."""

    def __init__(self, settings: Settings, connection: SnowflakeConnection) -> None:
        self.settings = settings
        self.cursor = connection.cursor()
        self.loader = Loader(settings, connection)

    def load(self, *tables: str) -> int:
        """Load and say how many rows were copied."""
        return sum(self.loader.load(table).rows for table in tables)

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The table's rows in Snowflake, lists opened, in an order of their own."""
        schema = full_schema(table)
        columns = ", ".join(as_read(name, kind) for name, kind in schema.items())
        name = Target(self.settings.snowflake_database, table).name
        self.cursor.execute(f"select {columns} from {name}")
        rows = [dict(zip(schema, row, strict=True)) for row in self.cursor.fetchall()]
        for row in rows:
            for column, kind in schema.items():
                if isinstance(kind, pl.List) and row[column] is not None:
                    row[column] = json.loads(row[column])
        return sorted(rows, key=repr)

    def assert_equal(self, *tables: str) -> None:
        for table in tables:
            assert self.rows(table) == in_lake(self.settings, table), table


@pytest.fixture(name="account")
def lake_and_account(server: Server, tmp_path: Path) -> Iterator[Account]:
    settings = account_at(server.url, tmp_path, f"DATA_{next(_databases)}")
    fill(settings)
    set_up(settings)
    with connected(settings) as connection:
        found = Account(settings, connection)
        found.loader.prepare()
        yield found


def connected(settings: Settings) -> Any:
    return snowflake_resource(settings).get_connection()


def as_read(name: str, kind: pl.DataType) -> str:
    """A column as it is asked for: times as ms since 1970, as fakesnow answers 1970 for a null time."""
    if isinstance(kind, pl.Datetime):
        return f"datediff('millisecond', '1970-01-01'::timestamp_ntz, \"{name.upper()}\")"
    return f'"{name.upper()}"'


def in_lake(settings: Settings, table: str) -> list[dict[str, Any]]:
    """The same of the lake."""
    frame = scan(settings, table).select(*full_schema(table)).collect()
    times = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime)]
    rows = frame.with_columns(pl.col(times).dt.epoch("ms")).to_dicts()
    return sorted(rows, key=repr)


def test_every_table_equals_the_lake_and_a_repeat_copies_nothing(account: Account) -> None:
    """Guards against types that change on the way (times, lists, nulls) and rows loaded twice."""
    copied = account.load(*LOADED)
    assert copied == sum(len(in_lake(account.settings, table)) for table in LOADED) > 25
    account.assert_equal(*LOADED)
    assert account.load(*LOADED) == 0
    append(account.settings, SILVER, [transaction(10), transaction(11)])
    assert account.load(*LOADED) == 2
    account.assert_equal(*LOADED)


def compact(settings: Settings, hour: str) -> None:
    files = held_files(open_table(settings, SILVER), "hour")
    bins = plan_bins([file for file in files if file.partition == hour], 1 << 20)
    compact_partition(settings, SILVER, bins)


def empty(settings: Settings, hour: str) -> None:
    replace_hour(settings, SILVER, hour, [], hour_files(settings, SILVER, hour), 1)


def test_compaction_copies_nothing_and_a_replaced_hour_is_copied_whole(account: Account) -> None:
    """Guards against an hour that is loaded a second time because its files have other names, and
    one that keeps its old rows after a rebuild.
    """
    hour = "2026-01-01T11"
    append(account.settings, SILVER, [transaction(10)])
    account.load(SILVER)
    compact(account.settings, hour)
    assert account.load(SILVER) == 0
    account.assert_equal(SILVER)

    append(account.settings, SILVER, [transaction(12)])
    compact(account.settings, hour)  # joined with one that was never loaded
    account.load(SILVER)
    account.assert_equal(SILVER)

    empty(account.settings, hour)
    assert account.load(SILVER) == 0
    account.assert_equal(SILVER)
    assert {row["hour"] for row in account.rows(SILVER)} == {"2026-01-01T10"}


def test_a_table_of_an_older_version_gets_its_new_columns(account: Account) -> None:
    """Guards against an upgrade that stops loading until somebody alters the table by hand."""
    account.load(SILVER)
    name = Target(account.settings.snowflake_database, SILVER).name
    account.cursor.execute(f'alter table {name} drop column "BIN8"')
    append(account.settings, SILVER, [transaction(10) | {"bin8": "40000000"}])
    account.loader.prepare([SILVER])
    account.load(SILVER)
    account.assert_equal(SILVER)
    assert [row["bin8"] for row in account.rows(SILVER)].count("40000000") == 1


class Died(BaseException):
    """The loader's process is gone."""


class Doomed:
    """A cursor whose process dies at a chosen statement, before or after the server did it."""

    def __init__(self, cursor: SnowflakeCursor, at: int, *, is_done: bool) -> None:
        self._cursor = cursor
        self._left = at
        self._is_done = is_done

    def _count(self, run: Callable[[], Any]) -> Any:
        self._left -= 1
        if self._left > 0:
            return run()
        if self._left == 0 and self._is_done:
            run()
        raise Died

    def execute(self, statement: str, values: Any = None) -> Any:
        return self._count(lambda: self._cursor.execute(statement, values))

    def executemany(self, statement: str, values: Any) -> Any:
        return self._count(lambda: self._cursor.executemany(statement, values))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


def has_survived(server: Server, settings: Settings, at: int, *, is_done: bool) -> bool:
    """Load with a process that dies at statement `at`; whether there were fewer statements."""
    with connected(settings) as connection:
        loader = Loader(settings, connection)
        loader.prepare([])
        doomed = Doomed(connection.cursor(), at, is_done=is_done)
        loader._cursor = cast(SnowflakeCursor, doomed)
        try:
            loader.load(SILVER)
            return True
        except Died:
            server.end_open_transactions()
            return False


@pytest.mark.parametrize("is_done", [False, True], ids=["before the server", "after the server"])
def test_a_death_at_any_statement_and_a_repeat_end_in_the_same_rows(
    server: Server, account: Account, is_done: bool
) -> None:
    """Guards against rows without their ledger, and a ledger without its rows."""
    deaths = 0
    for at in itertools.count(1):
        hour, emptied = f"2026-01-02T{at:02d}", f"2026-01-02T{at - 1:02d}"
        append(account.settings, SILVER, [transaction(100 + at) | {"hour": hour}])
        if at > 1:  # so that rows are deleted too
            empty(account.settings, emptied)
        if has_survived(server, account.settings, at, is_done=is_done):
            break
        deaths += 1
        account.load(SILVER)
        account.assert_equal(SILVER)
    assert deaths >= 9
    account.assert_equal(SILVER)


def test_a_loader_killed_at_random_and_repeated_ends_in_the_same_rows(
    server: Server, account: Account
) -> None:
    """Guards against what a death between statements does not show: SIGKILL of the real process with
    a statement or an upload under way.
    """
    draw = random.Random(6)
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([load_all.__module__])
    killed = all_requests = 0
    for _ in range(ROUNDS):
        fill(account.settings)  # the same rows again: one too many of them is seen all the same
        before = server.requests
        loader = processes.Process(target=load_all, args=(account.settings,))
        loader.start()
        if all_requests:
            last = before + draw.randrange(1, all_requests)
            while loader.is_alive() and server.requests < last:
                loader.join(0.005)
            loader.join(draw.uniform(0, 0.05))
            loader.kill()
        loader.join()
        server.end_open_transactions()
        killed += loader.exitcode == -signal.SIGKILL
        all_requests = all_requests or server.requests - before
    account.load(*LOADED)
    account.assert_equal(*LOADED)
    assert killed >= ROUNDS // 2


def test_a_rival_that_loads_in_between_doubles_nothing(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards against two runs that both saw the same files missing."""
    staged = Loader._put

    def put_late(loader: Loader, *arguments: Any) -> str | None:
        folder = staged(loader, *arguments)
        monkeypatch.setattr(Loader, "_put", staged)
        assert account.load(SILVER) == 10
        return folder

    with connected(account.settings) as connection:
        loader = Loader(account.settings, connection)
        loader.prepare([])
        monkeypatch.setattr(Loader, "_put", put_late)
        assert loader.load(SILVER).rows == 0
    account.assert_equal(SILVER)
