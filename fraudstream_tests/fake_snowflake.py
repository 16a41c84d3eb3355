"""fakesnow's server, which the real connector talks to, and what a Snowflake account does besides.

fakesnow lacks: roles and grants (all is allowed), clustering keys (read over), sessions that end when
their client dies. The last is done here: Snowflake ends the transaction of a dead client itself.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import uvicorn
from fakesnow.server import app, sessions

from fraudstream_platform.settings import PROJECT_ROOT, Settings
from fraudstream_platform.warehouse.snowflake_session import snowflake_resource
from fraudstream_tests.waiting import until

SETUP = PROJECT_ROOT / "deploy" / "snowflake.sql"


@contextmanager
def serving() -> Iterator[str]:
    """Run the server in this process; gives its address."""
    logging.getLogger("fakesnow.server").setLevel(logging.ERROR)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = uvicorn.Config(app, "127.0.0.1", port, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started, 30, "fakesnow answers")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
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
                connection.cursor().execute(statement)


def end_open_transactions() -> None:
    """Roll back what clients left open, as Snowflake does in time."""
    for session in list(sessions.values()):
        with suppress(duckdb.TransactionException):  # nothing was open
            session._duck_conn.rollback()
