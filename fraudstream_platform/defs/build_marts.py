"""Definitions of the marts' code location.

Apart from the drain's, since every run is a process that imports its whole location: dbt would
cost each window's run two seconds of processor time before it can stand by.
"""

from __future__ import annotations

import dagster as dg

from fraudstream_platform.defs.marts import MARTS_ASSETS, MARTS_JOBS, MARTS_SENSORS


def build_marts_defs() -> dg.Definitions:
    """The code location."""
    return dg.Definitions(
        assets=MARTS_ASSETS,
        jobs=MARTS_JOBS,
        sensors=MARTS_SENSORS,
        executor=dg.in_process_executor,
    )
