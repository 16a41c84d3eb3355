"""The Spark job of a rebuild: a task a partition group, few of them at a time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from fraudstream_platform.drain.rebuild_group import GroupTask

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

_TASKS = 2
"""Spark has three slots beside owners and standbys; an hour rebuilt must not take theirs."""


class RebuildFailedError(RuntimeError):
    """The job ended with an error; hours that were replaced before stay replaced."""


class RebuildJob:
    """Runs in a thread of its own under a tag, from entry to exit; an error's exit ends its tasks."""

    def __init__(self, spark: SparkSession, task: GroupTask) -> None:
        """Run `task` for each of its groups, whatever its own group is."""
        self._spark = spark
        self._tag = f"rebuild-{Path(task.folder).name}"
        self._task = task
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="rebuild")
        self._future: Future[int] | None = None

    def __enter__(self) -> Self:
        self._future = self._pool.submit(self._collect)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and self._future is not None and not self._future.done():
            self._spark.interruptTag(self._tag)
        self._pool.shutdown(wait=error is None)  # a server that is gone must not hold the process

    def has_ended(self, within_s: float) -> bool:
        """Whether all tasks have ended, waiting at most `within_s` seconds for it.

        Raises RebuildFailedError where they failed too often, or the server is gone.
        """
        if self._future is None:
            return False
        wait([self._future], within_s)
        if not self._future.done():
            return False
        error = self._future.exception()
        if error is not None:
            raise RebuildFailedError(f"{type(error).__name__}: {str(error)[:2000]}") from error
        return True

    def _collect(self) -> int:
        self._spark.addTag(self._tag)  # tags are the launching thread's own
        task, groups = self._task, self._task.groups

        def rebuild(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            from fraudstream_platform.drain.rebuild_group import run_group

            for batch in batches:
                for group in batch.column(0).to_pylist():
                    run_group(replace(task, group=group))
                yield batch

        frame = self._spark.range(0, groups, 1, min(groups, _TASKS)).mapInArrow(rebuild, "id long")
        return len(frame.collect())
