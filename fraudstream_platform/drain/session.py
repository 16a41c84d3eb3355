"""The one Spark Connect session that every run of this code version shares."""

from __future__ import annotations

import socket
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fraudstream_platform.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_NAMESPACE = uuid.UUID("5b1c7e0a-8f2e-4f0e-9d55-3a1a7c2f6d10")
_PATIENCE_SECONDS = 60.0


class SparkAwayError(RuntimeError):
    """The Connect server did not answer."""


def session_url(settings: Settings) -> str:
    """URL with a fixed session: a new one a run costs 1.6 s and leaves a Python daemon behind."""
    session = uuid.uuid5(_NAMESPACE, f"{settings.data_dir}:{_code_version()}")
    return f"{settings.spark_remote}/;user_id=fraudstream;session_id={session}"


def wait_for_server(settings: Settings, patience_s: float = _PATIENCE_SECONDS) -> None:
    """Wait until the server takes connections, as while its supervisor starts it again.

    Raises SparkAwayError after `patience_s` seconds.
    """
    url = urlsplit(settings.spark_remote)
    address = (url.hostname or "127.0.0.1", url.port or 15002)
    deadline = time.monotonic() + patience_s
    while True:
        try:
            socket.create_connection(address, timeout=2).close()
        except OSError as error:
            if time.monotonic() > deadline:
                raise SparkAwayError(
                    f"Spark Connect at {settings.spark_remote} does not answer ({error}); "
                    "`fraudstream status` shows its state"
                ) from None
            time.sleep(0.3)
        else:
            return


def give_up_soon(spark: SparkSession) -> None:
    """Let a dead server be noticed in seconds; the client's default is to try for ten minutes."""
    from pyspark.sql.connect.client.retries import DefaultPolicy

    spark.client.set_retry_policies([DefaultPolicy(max_retries=4, max_backoff=1000, jitter=100)])


def _code_version() -> str:
    package = Path(__file__).resolve().parent.parent
    newest = max(path.stat().st_mtime_ns for path in package.rglob("*.py"))
    return str(newest)
