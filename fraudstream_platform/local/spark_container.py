"""The Connect server of docker-compose.yml: the embedded one, reachable in its network."""

from __future__ import annotations

import os

from fraudstream_platform.local.spark import prepare_spark, spark_command, spark_environment
from fraudstream_platform.settings import get_settings

PORT = 15002


def main() -> None:
    """Become the Connect server; does not return."""
    settings = get_settings()
    prepare_spark(settings)
    # The container's own network namespace decides who can reach it.
    command = spark_command(
        settings,
        {
            "spark.connect.grpc.binding.address": "0.0.0.0",  # nosec B104
            "spark.connect.grpc.binding.port": str(PORT),
            "spark.driver.memory": "1g",
        },
    )
    os.execvpe(command[0], command, spark_environment(settings))  # nosec B606


if __name__ == "__main__":
    main()
