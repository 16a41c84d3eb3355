"""What runs inside a Spark Python worker."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence

import pyarrow as pa

from fraudstream_platform.drain.assignment import Assignment
from fraudstream_platform.drain.task import run_group
from fraudstream_platform.settings import get_settings


def drain_batch(batch: pa.RecordBatch, assignments: Sequence[str]) -> pa.RecordBatch:
    """Drain the groups whose numbers are in `batch` (one), and give their outcomes as JSON."""
    from pyspark import TaskContext

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    context = TaskContext.get()
    retry = context.attemptNumber() if context is not None else 0
    outcomes = []
    for index in batch.column(0).to_pylist():
        assignment = Assignment.from_json(assignments[index]).of_retry(retry)
        outcome = run_group(get_settings(), assignment)
        outcomes.append(
            json.dumps(
                {"group": assignment.group, "outcome": outcome, "retry": retry, "pid": os.getpid()}
            )
        )
    return pa.RecordBatch.from_arrays([pa.array(outcomes, pa.string())], names=["outcome"])
