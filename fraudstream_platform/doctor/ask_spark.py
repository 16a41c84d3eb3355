"""Whether Spark Connect answers a request, not only takes the connection."""

from __future__ import annotations

from concurrent.futures import Future
from threading import Thread

from fraudstream_platform.drain.session import give_up_soon, session_url, wait_for_server
from fraudstream_platform.settings import Settings

_CONNECT_S = 2.0
_ANSWER_S = 20.0


def ask_spark(settings: Settings) -> str:
    """The server's version; raises SparkAwayError or TimeoutError."""
    wait_for_server(settings, _CONNECT_S)
    answer: Future[str] = Future()
    # A server that was stopped still takes connections, and its client waits for minutes: a thread
    # that may be left behind.
    Thread(target=_ask, args=(settings, answer), daemon=True).start()
    return answer.result(_ANSWER_S)


def _ask(settings: Settings, answer: Future[str]) -> None:
    from pyspark.sql import SparkSession

    try:
        spark = SparkSession.builder.remote(session_url(settings)).create()
        give_up_soon(spark)
        answer.set_result(spark.version)
    except Exception as error:  # noqa: BLE001 - it belongs to who waits for the answer
        answer.set_exception(error)
