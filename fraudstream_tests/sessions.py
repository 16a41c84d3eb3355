"""A Spark session for tests that begin windows at a stated moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fraudstream_platform.drain.launch import warm_workers
from fraudstream_platform.drain.session import give_up_soon, session_url, wait_for_server
from fraudstream_platform.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def warm_session(settings: Settings, workers: int) -> SparkSession:
    """The session of runs, with `workers` Python workers that have everything loaded.

    A cold worker takes seconds on an idle machine and half a minute on a busy one: too uncertain
    for a window whose start and stop a test has to name.
    """
    from pyspark.sql import SparkSession

    wait_for_server(settings)
    spark = SparkSession.builder.remote(session_url(settings)).create()
    give_up_soon(spark)
    warm_workers(spark, workers)
    return spark
