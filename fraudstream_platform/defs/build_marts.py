"""Definitions of the marts' code location.

Apart from the drain's, since every run is a process that imports its whole location: dbt would
cost each window's run two seconds of processor time before it can stand by.
"""

from __future__ import annotations

import dagster as dg

from fraudstream_platform.defs.marts import MARTS_ASSETS, MARTS_JOBS, MARTS_SENSORS
from fraudstream_platform.settings import get_settings


def build_marts_defs() -> dg.Definitions:
    """The code location; with a Snowflake account, the loading of its tables too."""
    marts = dg.Definitions(
        assets=MARTS_ASSETS,
        jobs=MARTS_JOBS,
        sensors=MARTS_SENSORS,
        executor=dg.in_process_executor,
    )
    if not get_settings().snowflake_account:
        return marts
    # Imported where it is needed: the connector costs each run seconds.
    from fraudstream_platform.defs import snowflake

    loading = dg.Definitions(
        assets=snowflake.SNOWFLAKE_ASSETS,
        jobs=snowflake.SNOWFLAKE_JOBS,
        resources=snowflake.snowflake_resources(),
    )
    return dg.Definitions.merge(marts, loading)
