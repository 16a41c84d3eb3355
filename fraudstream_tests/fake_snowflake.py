"""fakesnow's server, which the real connector talks to, and what a Snowflake account does besides.

fakesnow lacks: roles and grants (all is allowed, managed access unknown), clustering keys (read over),
comments on several columns at once, or with an apostrophe (all are read over here), temporary tables
and views in a schema (ordinary ones here, which dbt drops all the same), and sessions that end when
their client dies (ended here: Snowflake ends the transaction of a dead client itself).
"""

from __future__ import annotations

import logging
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
import uvicorn
from fakesnow.cursor import FakeSnowflakeCursor
from fakesnow.server import app, sessions, shared_fs
from starlette.types import Receive, Scope, Send

from fraudstream_platform.settings import PROJECT_ROOT, Settings
from fraudstream_platform.warehouse.snowflake_session import snowflake_resource
from fraudstream_tests.waiting import until

SETUP = PROJECT_ROOT / "deploy" / "snowflake.sql"
_COMMENTS = [r"\s*comment on ", r'\s*alter\s+(table|view)\s+\S+\s+alter\s+"\w+" COMMENT ']
_TEMPORARY = re.compile(r"\b(create\s+or\s+replace\s+)temporary\s+(table|view)\b", re.IGNORECASE)
_execute = FakeSnowflakeCursor.execute


class Server:
    """fakesnow's application, with the requests counted: all that came, and those under way."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests = 0
        self.under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        self.requests += 1
        self.under_way += 1
        try:
            await app(scope, receive, send)
        finally:
            self.under_way -= 1

    def end_open_transactions(self) -> None:
        """Roll back what dead clients left open, as Snowflake does in time."""
        until(lambda: self.under_way == 0, 60, "the last statements of the dead have ended")
        for session in list(sessions.values()):
            with suppress(duckdb.TransactionException):  # nothing was open
                session._duck_conn.rollback()


def _execute_plainly(cursor: FakeSnowflakeCursor, command: str, *args: Any, **named: Any) -> Any:
    return _execute(cursor, _TEMPORARY.sub(r"\1\2", command), *args, **named)


@contextmanager
def serving() -> Iterator[Server]:
    """Run the server in this process."""
    shared_fs.nop_regexes = _COMMENTS
    logging.getLogger("fakesnow.server").setLevel(logging.ERROR)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Server(f"http://127.0.0.1:{port}")
    running = uvicorn.Server(
        uvicorn.Config(server, "127.0.0.1", port, log_level="error", lifespan="off")
    )
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    until(lambda: running.started, 30, "fakesnow answers")
    try:
        with patch.object(FakeSnowflakeCursor, "execute", _execute_plainly):
            yield server
    finally:
        running.should_exit = True
        thread.join()


def account(url: str, data_dir: Path, database: str = "FINANCIAL_DATA") -> Settings:
    """Settings of an account there, with a database of its own."""
    return Settings(
        _env_file=None,
        data_dir=data_dir,
        snowflake_account="fake",
        snowflake_user="loader",
        snowflake_password="of no use elsewhere",  # pragma: allowlist secret
        snowflake_url=url,
        snowflake_database=database,
    )


def set_up(settings: Settings) -> None:
    """What the account's owner does once: those statements of the script that fakesnow knows."""
    text = SETUP.read_text().replace("FINANCIAL_DATA", settings.snowflake_database)
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    with snowflake_resource(settings).get_connection() as connection:
        for statement in "\n".join(lines).split(";"):
            if statement.strip().startswith(("create schema", "create database")):
                connection.cursor().execute(statement.removesuffix(" with managed access"))
