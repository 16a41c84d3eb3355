"""Outputs of steps whose rows are nothing but their places in the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from fraudstream_platform.drain.held import AlertRecord, StepOutput
from fraudstream_platform.lake.tables import DRAINED


def step_output(places: Mapping[int, range], alerts: Sequence[AlertRecord] = ()) -> StepOutput:
    """A step over these offsets by partition: its Bronze rows, and the positions after it."""
    rows = [(partition, offset) for partition, offsets in places.items() for offset in offsets]
    schema = {"partition": pl.Int32, "offset": pl.Int64}
    frames = {table: columns.to_frame() for table, columns in DRAINED.items()}
    frames["bronze.transactions"] = pl.concat(
        [frames["bronze.transactions"], pl.DataFrame(rows, schema=schema, orient="row")],
        how="diagonal",
    )
    return StepOutput({p: offsets.stop for p, offsets in places.items()}, frames, alerts, [])
