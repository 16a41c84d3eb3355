"""A Spark standalone cluster of one master and some workers on this machine, from PySpark's own jars."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from fraudstream_platform.local import processes
from fraudstream_platform.local.health import HOST, tcp_open
from fraudstream_platform.local.jars import pyspark_home
from fraudstream_platform.local.spark import slots, spark_environment
from fraudstream_platform.settings import Settings
from fraudstream_tests.waiting import until

_WORKER_MEMORY = "600m"
_START_S = 60


@dataclass
class Cluster:
    """The running daemons; `url` is what SPARK_MASTER has to be."""

    url: str
    workers: list[psutil.Process] = field(default_factory=list)

    def lose(self, worker: psutil.Process) -> None:
        """The machine of `worker` is gone: its daemon, executor and Python processes at once."""
        for process in [worker, *worker.children(recursive=True)]:
            process.kill()
        self.workers.remove(worker)


def drain_processes(worker: psutil.Process) -> list[psutil.Process]:
    """Python processes that drain a group on this worker: forks of its daemon that have worked."""
    return [one for one in worker.children(recursive=True) if _is_python(one) and _is_fork(one)]


def _is_fork(process: psutil.Process) -> bool:
    parent = process.parent()
    return parent is not None and _is_python(parent)


def _is_python(process: psutil.Process) -> bool:
    try:
        return "worker_daemon" in " ".join(process.cmdline())
    except psutil.Error:  # it has just ended
        return False


@contextmanager
def standalone_cluster(settings: Settings, workers: int) -> Iterator[Cluster]:
    """Start the master and `workers` workers; end them and all that they started."""
    cluster = Cluster(settings.spark_master)
    port = int(cluster.url.rpartition(":")[2])
    logs = settings.data_dir / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    started = [_start(settings, logs, "Master", "--host", HOST, "--port", str(port))]
    try:
        until(lambda: tcp_open(port), _START_S, "the master listens")
        for number in range(workers):
            folder = settings.data_dir / "spark" / f"worker-{number}"
            options = ("--host", HOST, "--cores", str(slots(settings)), "--memory", _WORKER_MEMORY)
            place = ("--work-dir", str(folder), cluster.url)
            started.append(_start(settings, logs, "Worker", *options, *place))
            cluster.workers.append(psutil.Process(started[-1].pid))
        until(_registered(logs, workers), _START_S, f"{workers} workers are registered")
        yield cluster
    finally:
        tree = [
            one
            for process in started
            if psutil.pid_exists(process.pid)
            for one in (
                psutil.Process(process.pid),
                *psutil.Process(process.pid).children(recursive=True),
            )
        ]
        processes.end(tree, grace_s=5.0)
        for process in started:
            process.wait(timeout=10)


def _start(settings: Settings, logs: Path, daemon: str, *options: str) -> subprocess.Popen[bytes]:
    name = f"org.apache.spark.deploy.{daemon.lower()}.{daemon}"
    command = [str(pyspark_home() / "bin" / "spark-class"), name, "--webui-port", "0", *options]
    with (logs / f"spark-{daemon.lower()}.log").open("ab") as log:
        return subprocess.Popen(
            command,
            env=spark_environment(settings) | {"SPARK_DAEMON_MEMORY": "256m"},
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _registered(logs: Path, workers: int) -> Callable[[], bool]:
    log = logs / "spark-master.log"
    return lambda: log.read_text(errors="replace").count("Registering worker") >= workers
