"""Places a run's tasks on Spark: one long-lived Python task a partition group."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from fraudstream_platform.drain.assignment import Assignment

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

log = logging.getLogger(__name__)


class TasksFailedError(RuntimeError):
    """The Spark job ended with an error: its tasks failed too often, or the server is gone."""


def warm_workers(spark: SparkSession, count: int) -> None:
    """Load libraries and kernels into `count` Python workers that are free, or started for it."""

    def warm(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from fraudstream_platform.drain.worker import warm_batch

        for batch in batches:
            yield warm_batch(batch)

    frame = spark.range(0, count, 1, count).mapInArrow(warm, "pid long")
    log.info("warmed workers %s", [row.pid for row in frame.collect()])


class SparkJob:
    """A job of one task a group, running in a thread of its own under a tag."""

    def __init__(self, spark: SparkSession, assignments: Sequence[Assignment]) -> None:
        self._spark = spark
        self._tag = f"drain-{assignments[0].run_id}"
        self._count = len(assignments)
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="spark-job")
        self._future: Future[list[str]] = self._pool.submit(self._collect, list(assignments))

    def outcomes(self) -> list[str] | None:
        """One outcome a group once all have ended; None before; raises TasksFailedError."""
        if not self._future.done():
            return None
        error = self._future.exception()
        if error is not None:
            raise TasksFailedError(f"{type(error).__name__}: {str(error)[:2000]}") from error
        return self._future.result()

    def interrupt(self) -> None:
        """End the tasks (they stop within about 0.2 s)."""
        if not self._future.done():
            self._spark.interruptTag(self._tag)

    def close(self) -> None:
        """Let go of the thread; a job whose server is gone must not hold the process."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def warm_spares(self) -> None:
        """Warm as many further workers as this job has tasks, for the run that comes next.

        They start while this job's tasks hold their own workers; the next window's standbys find
        them idle, and so load no library and no kernel while this window is being drained.
        """
        self._pool.submit(warm_workers, self._spark, self._count)

    def _collect(self, assignments: list[Assignment]) -> list[str]:
        self._spark.addTag(self._tag)  # tags are the launching thread's own
        texts = [assignment.to_json() for assignment in assignments]
        count = len(texts)

        def drain(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            from fraudstream_platform.drain.worker import drain_batch

            for batch in batches:
                yield drain_batch(batch, texts)

        frame = self._spark.range(0, count, 1, count).mapInArrow(drain, "outcome string")
        return [row.outcome for row in frame.collect()]
