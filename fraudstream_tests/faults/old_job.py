"""A client that asks for the tasks of a window of the past, says so, and waits to be killed."""

from __future__ import annotations

import time

from pyspark.sql import SparkSession

from fraudstream_platform.drain.assignment import Assignment
from fraudstream_platform.drain.journal import JournalReader
from fraudstream_platform.drain.launch import SparkJob
from fraudstream_platform.drain.session import session_url, wait_for_server
from fraudstream_platform.settings import get_settings


def main() -> None:
    """Ask on behalf of a term that is a window older than each group's."""
    settings = get_settings()
    journal = JournalReader(settings)
    newest = max(journal.history(group)[-1].term for group in range(settings.drain_groups))
    journal.close()
    start = newest.window - settings.drain_window_seconds * 1000
    stop = newest.window
    assignments = [
        Assignment(start, stop, 1, "a-client-that-died", group, settings.drain_groups)
        for group in range(settings.drain_groups)
    ]
    wait_for_server(settings)
    spark = SparkSession.builder.remote(session_url(settings)).create()
    job = SparkJob(spark, assignments)
    while job.outcomes() is None:
        time.sleep(1.0)  # time for the request to reach the server, which takes milliseconds
        print("asked", flush=True)


if __name__ == "__main__":
    main()
