"""One load of Snowflake as the job `warehouse` makes it, without Dagster."""

from __future__ import annotations

from fraudstream_platform.settings import Settings
from fraudstream_platform.warehouse.snowflake_load import Loader
from fraudstream_platform.warehouse.snowflake_session import snowflake_resource
from fraudstream_platform.warehouse.snowflake_tables import LOADED


def load_all(settings: Settings) -> None:
    """Bring every table up to the lake, over a connection of its own."""
    with snowflake_resource(settings).get_connection() as connection:
        loader = Loader(settings, connection)
        loader.prepare()
        for table in LOADED:
            loader.load(table)
