"""The drain on a Spark standalone cluster of two workers, one of which is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from fraudstream_platform.drain.topics import setup
from fraudstream_platform.drain.window import WindowReport, WindowRun
from fraudstream_platform.local.ports import free_port_base, settings_on_free_ports
from fraudstream_platform.local.stack import Stack
from fraudstream_platform.measuring.watch import Watch
from fraudstream_platform.settings import Settings
from fraudstream_platform.simulator.producer import Simulation
from fraudstream_platform.simulator.stream import StreamConfig
from fraudstream_platform.verify.proof import prove
from fraudstream_tests.cluster import Cluster, drain_processes, standalone_cluster
from fraudstream_tests.sessions import warm_session
from fraudstream_tests.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

COUNT = 6_000
TPS = 200
WINDOW_MS = 40_000


@dataclass
class Live:
    """A cluster behind the Connect server, and transactions on their way."""

    settings: Settings
    cluster: Cluster
    report: WindowReport


def _is_spread(cluster: Cluster) -> bool:
    return all(drain_processes(worker) for worker in cluster.workers)


def _drained_while_a_worker_is_lost(settings: Settings, cluster: Cluster) -> WindowReport:
    spark = warm_session(settings, 2)
    config = StreamConfig(
        seed=5, tps=TPS, count=COUNT, start_ms=round(time.time() * 1000) + 2_000, fraud_rate=0.03
    )
    simulation = threading.Thread(target=Simulation(settings, config).run)
    simulation.start()
    watch = Watch(settings)
    try:
        run = WindowRun(settings, spark, config.start_ms, config.start_ms + WINDOW_MS, 1, "cluster")
        with ThreadPoolExecutor(1) as pool:
            report = pool.submit(run.execute)
            until(watch.is_open, 60, "every group has an owner")
            until(lambda: watch.sample().rows["bronze.transactions"] > 0, 60, "rows are committed")
            until(lambda: _is_spread(cluster), 10, "tasks are spread over both workers")
            cluster.lose(cluster.workers[0])
            return report.result(timeout=200)
    finally:
        watch.close()
        simulation.join(timeout=60)
        spark.stop()


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder: Path = tmp_path_factory.mktemp("cluster")
    settings = settings_on_free_ports(
        folder / "data",
        topic_partitions=4,
        flush_seconds=2.0,
        spark_master=f"spark://127.0.0.1:{free_port_base()}",
    )
    with Stack(settings, services=("kafka", "registry")):
        setup(settings)
        with standalone_cluster(settings, 2) as cluster, Stack(settings, services=("spark",)):
            yield Live(settings, cluster, _drained_while_a_worker_is_lost(settings, cluster))


def test_a_lost_worker_s_groups_go_on_on_the_other_one(live: Live) -> None:
    """Guards against tasks that need their machine: the window would end with a group short."""
    assert set(live.report.final_at) == set(range(live.settings.drain_groups))
    assert live.report.rows["bronze.transactions"] > 0
    assert live.report.gaps == []


def test_nothing_is_lost_or_doubled_where_a_worker_is_lost(live: Live) -> None:
    """Guards against rows that only the lost worker held, and against a twin that goes on."""
    assert [finding for finding in prove(live.settings) if not finding.holds] == []
