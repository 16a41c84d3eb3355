"""What runs inside a Spark Python worker."""

from __future__ import annotations

import ctypes
import gc
import json
import os
import time
from collections.abc import Sequence

import pyarrow as pa

from fraudstream_platform.detection.step import warm_up
from fraudstream_platform.drain.assignment import Assignment
from fraudstream_platform.drain.task import run_group
from fraudstream_platform.logs import configure
from fraudstream_platform.settings import get_settings

_HOLD_SECONDS = 1.0


def warm_batch(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Load what a task needs, and hold the worker long enough that each slot gets its own."""
    warm_up()
    time.sleep(_HOLD_SECONDS)
    pids = [os.getpid()] * batch.num_rows
    return pa.RecordBatch.from_arrays([pa.array(pids, pa.int64())], names=["pid"])


def _settle() -> None:
    """Set aside what is loaded: a full collection of it takes a third of a second of an owner."""
    gc.collect()
    gc.freeze()


def _let_go() -> None:
    """Give back the memory of what a task held: its worker is idle until a later window, or for good."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's; others need no telling
    if trim is not None:
        trim(0)


def drain_batch(batch: pa.RecordBatch, assignments: Sequence[str]) -> pa.RecordBatch:
    """Drain the groups whose numbers are in `batch` (one), and give their outcomes as JSON."""
    from pyspark import TaskContext

    context = TaskContext.get()
    retry = context.attemptNumber() if context is not None else 0
    warm_up()
    _settle()
    outcomes = []
    for index in batch.column(0).to_pylist():
        assignment = Assignment.from_json(assignments[index]).of_retry(retry)
        configure(
            get_settings(),
            run_id=assignment.run_id,
            window=assignment.window_start,
            attempt=assignment.attempt,
            group=assignment.group,
        )
        outcome = run_group(get_settings(), assignment)
        _let_go()
        outcomes.append(
            json.dumps(
                {"group": assignment.group, "outcome": outcome, "retry": retry, "pid": os.getpid()}
            )
        )
    return pa.RecordBatch.from_arrays([pa.array(outcomes, pa.string())], names=["outcome"])
