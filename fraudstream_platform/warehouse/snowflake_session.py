"""The loader's connection to Snowflake, as the settings name it."""

from __future__ import annotations

from dagster_snowflake import SnowflakeResource

from fraudstream_platform.settings import Settings
from fraudstream_platform.warehouse.snowflake_tables import LOADS

_LOCK_SECONDS = 900
"""A load that died with its transaction open holds its table until Snowflake ends it, 5 minutes later."""


def snowflake_resource(settings: Settings) -> SnowflakeResource:
    """How the loader logs in: by key pair where one is given."""
    return SnowflakeResource(
        account=settings.snowflake_account,
        user=settings.snowflake_user,
        role=settings.snowflake_loader_role,
        warehouse=settings.snowflake_warehouse,
        database=settings.snowflake_database,
        schema=LOADS,
        private_key_path=settings.snowflake_private_key_file or None,
        private_key_password=settings.snowflake_private_key_passphrase.get_secret_value() or None,
        password=settings.snowflake_password.get_secret_value() or None,
        additional_snowflake_connection_args={
            "session_parameters": {
                "TIMEZONE": "UTC",
                "QUERY_TAG": "fraudstream load",
                "LOCK_TIMEOUT": _LOCK_SECONDS,
            },
            **settings.snowflake_address._asdict(),
        },
    )
