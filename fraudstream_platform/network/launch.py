"""Places the network patterns on Spark: one task, one pattern after the other."""

from __future__ import annotations

import os
import subprocess  # nosec B404
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from fraudstream_platform.network.task import Order, Part

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession

_MODULE = "fraudstream_platform.network.task"
_PATIENCE_SECONDS = 900.0
_TOLD = 2_000


class PatternFailedError(RuntimeError):
    """The process of a pattern ended without a result; its last words are told."""


def look_in_spark(spark: SparkSession, orders: Sequence[Order], tag: str) -> list[Part]:
    """The parts, in the order asked for; what is interrupted ends its tasks and their processes."""
    texts = [order.to_json() for order in orders]

    def look(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        from fraudstream_platform.network.launch import in_own_process

        for batch in batches:
            parts = [in_own_process(texts[number]) for number in batch.column(0).to_pylist()]
            yield pa.RecordBatch.from_arrays([pa.array(parts, pa.string())], names=["part"])

    spark.addTag(tag)
    try:
        frame = spark.range(0, len(texts), 1, 1).mapInArrow(look, "part string")
        return [Part.from_json(row.part) for row in frame.collect()]
    except BaseException:
        spark.interruptTag(tag)
        raise
    finally:
        spark.removeTag(tag)


def in_own_process(order: str) -> str:
    """Run one pattern, inside a Spark worker; its part as JSON."""
    ours, theirs = os.pipe()
    try:
        done = subprocess.run(
            [sys.executable, "-m", _MODULE, order],
            stdin=ours,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
            check=False,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    finally:
        os.close(ours)
        os.close(theirs)
    if done.returncode != 0:
        raise PatternFailedError(f"{order}: status {done.returncode}: {done.stderr[-_TOLD:]}")
    return done.stdout.splitlines()[-1]
