"""The partitions of every drained asset: hours of append time, as the lake is partitioned."""

from __future__ import annotations

import dagster as dg

HOURS = dg.HourlyPartitionsDefinition(
    start_date="2026-01-01T00",
    timezone="UTC",
    fmt="%Y-%m-%dT%H",
    # With 0 the running hour could not be materialised, with 1 not the one a hand-over begins.
    end_offset=2,
)
