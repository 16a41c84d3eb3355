"""The embedded Spark: a Connect server whose tasks are the drain's long-lived owners."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from fraudstream_platform.local.environment import python_environment
from fraudstream_platform.local.health import HOST, tcp_open
from fraudstream_platform.local.jars import pyspark_home
from fraudstream_platform.local.java import find_java
from fraudstream_platform.local.service import Service
from fraudstream_platform.settings import Settings

BATCH_SLOTS = 3
TASK_ATTEMPTS = 4  # plain local[N] never retries a task; a cluster does so often anyway
DRIVER_MEMORY = "512m"
EXECUTOR_MEMORY = "512m"
ONE_THREAD = {"POLARS_MAX_THREADS": "1", "NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


_LOG4J = """\
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.target = SYSTEM_ERR
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1}: %m%n%ex
"""


def slots(settings: Settings) -> int:
    """Task slots: this window's owners, the next one's standbys, and batch jobs."""
    return 2 * settings.drain_groups + BATCH_SLOTS


def spark_conf(settings: Settings) -> dict[str, str]:
    """Spark's configuration; each line that is not obvious says why."""
    home = settings.data_dir.resolve() / "spark"
    return {
        "spark.connect.grpc.binding.address": HOST,
        "spark.connect.grpc.binding.port": str(settings.port_base + 4),
        "spark.driver.bindAddress": HOST,
        "spark.driver.host": HOST,
        "spark.driver.memory": DRIVER_MEMORY,
        "spark.executor.memory": EXECUTOR_MEMORY,
        "spark.ui.enabled": "false",
        "spark.scheduler.mode": "FAIR",
        "spark.speculation": "false",  # two owners of one group would fence each other
        "spark.python.worker.reuse": "true",
        "spark.python.daemon.module": "fraudstream_platform.local.worker_daemon",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "1",  # one task input a batch
        "spark.sql.warehouse.dir": str(home / "warehouse"),
        "spark.sql.catalogImplementation": "in-memory",
        # One fixed session is shared by all runs; an expired id is refused for good.
        "spark.connect.session.manager.defaultSessionTimeout": "-1",
        # Tasks of a client that died end after this time, instead of after minutes.
        "spark.connect.execute.reattachable.senderMaxStreamDuration": "40s",
        "spark.connect.execute.manager.detachedTimeout": "40s",
        "spark.connect.execute.manager.maintenanceInterval": "2s",
    }


def spark_environment(settings: Settings) -> dict[str, str]:
    """Environment of the server, which its Python workers inherit."""
    return (
        python_environment(settings)
        | ONE_THREAD
        | {
            "SPARK_HOME": str(pyspark_home()),
            "SPARK_LOCAL_IP": HOST,
            "SPARK_LOCAL_DIRS": str(settings.data_dir.resolve() / "spark" / "local"),
            "PYSPARK_PYTHON": sys.executable,
            "PYSPARK_DRIVER_PYTHON": sys.executable,
        }
    )


def spark_service(settings: Settings) -> Service:
    """Connect server on PORT_BASE+4, scratch space under DATA_DIR/spark."""
    port = settings.port_base + 4
    return Service(
        name="spark",
        port=port,
        prepare=lambda: prepare_spark(settings),
        command=lambda: spark_command(settings),
        environment=spark_environment(settings),
        healthy=lambda: tcp_open(port),
        url=settings.spark_remote,
    )


def prepare_spark(settings: Settings) -> None:
    """Create the scratch folder and the log configuration."""
    home = settings.data_dir.resolve() / "spark"
    (home / "local").mkdir(parents=True, exist_ok=True)
    (home / "log4j2.properties").write_text(_LOG4J)


def spark_command(settings: Settings, changes: Mapping[str, str] | None = None) -> list[str]:
    """Command line of the Connect server, with `changes` to its configuration."""
    find_java()
    command = [str(pyspark_home() / "bin" / "spark-submit")]
    command += ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer"]
    command += ["--master", settings.spark_master or f"local[{slots(settings)},{TASK_ATTEMPTS}]"]
    log4j = settings.data_dir.resolve() / "spark" / "log4j2.properties"
    options = f"-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile=file:{log4j}"
    command += ["--driver-java-options", options]
    for key, value in (spark_conf(settings) | dict(changes or {})).items():
        command += ["--conf", f"{key}={value}"]
    return [*command, "spark-internal"]
