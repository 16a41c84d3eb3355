"""The drain on the real broker, registry and Spark: windows, hand-over, bad input, and the proof."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fraudstream_platform.drain.topics import setup
from fraudstream_platform.drain.window import WindowReport, WindowRun
from fraudstream_platform.lake.tables import open_table, scan
from fraudstream_platform.local.ports import settings_on_free_ports
from fraudstream_platform.local.stack import Stack
from fraudstream_platform.settings import Settings
from fraudstream_platform.simulator.producer import Simulation
from fraudstream_platform.simulator.stream import StreamConfig
from fraudstream_platform.verify.proof import prove
from fraudstream_tests.sessions import warm_session

pytestmark = [pytest.mark.integration, pytest.mark.timeout(280)]

COUNT = 12_000
TPS = 400
BAD_RATE = 0.05


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    folder: Path = tmp_path_factory.mktemp("drain")
    found = settings_on_free_ports(folder / "data", topic_partitions=4, flush_seconds=2.0)
    with Stack(found, services=("kafka", "registry", "spark")):
        setup(found)
        setup(found)  # repeating it changes nothing
        yield found


@pytest.fixture(scope="module")
def drained(settings: Settings) -> tuple[list[WindowReport], dict[str, Any]]:
    """Two windows over one open-loop stream, the second one standing by while the first drains."""
    spark = warm_session(settings, 4)
    now = round(time.time() * 1000)
    config = StreamConfig(
        seed=7, tps=TPS, count=COUNT, start_ms=now + 2000, fraud_rate=0.02, batch_slots=2
    )
    simulation = Simulation(settings, config, bad_rate=BAD_RATE)
    reports: dict[int, WindowReport] = {}
    errors: list[Exception] = []

    def run(number: int, start: int, stop: int) -> None:
        try:
            reports[number] = WindowRun(settings, spark, start, stop, 1, f"run-{number}").execute()
        except Exception as error:  # noqa: BLE001 - told to the test's own thread
            errors.append(error)

    middle, end = now + 20_000, now + 36_000
    threads = [
        threading.Thread(target=run, args=(0, now, middle)),
        threading.Thread(target=run, args=(1, middle, end)),
        threading.Thread(target=simulation.run),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=200)
    spark.stop()
    assert not errors, errors
    summary = simulation.summary
    sent = {"produced": summary.produced, "bad": summary.bad_records, "labels": summary.labels}
    return [reports[0], reports[1]], sent


def test_every_record_is_a_row_or_a_dead_letter(
    settings: Settings, drained: tuple[list[WindowReport], dict[str, Any]]
) -> None:
    """Guards against loss and doubling: the proof holds after two windows and a hand-over."""
    findings = prove(settings)
    assert [finding for finding in findings if not finding.holds] == []
    stored = sum(
        open_table(settings, table).count()
        for table in ("bronze.transactions", "bronze.dead_letter")
    )
    assert stored == drained[1]["produced"] == COUNT


def test_windows_join_and_hand_over(
    drained: tuple[list[WindowReport], dict[str, Any]],
) -> None:
    """The second window starts at exactly the offsets at which the first one ended."""
    first, second = drained[0]
    assert second.started == first.ended
    assert len(second.handover_gap_ms) == 2
    assert not first.gaps
    assert not second.gaps


def test_bad_records_have_a_named_place(
    settings: Settings, drained: tuple[list[WindowReport], dict[str, Any]]
) -> None:
    """Every kind of bad record is counted where it belongs, and nothing else is."""
    bad = drained[1]["bad"]
    assert sum(bad.values()) > COUNT * BAD_RATE / 2
    rejected = sum(
        open_table(settings, table).count() for table in ("bronze.dead_letter", "silver.quarantine")
    )
    assert rejected == sum(bad.values())


def test_alerts_are_on_topic_and_in_table(
    settings: Settings, drained: tuple[list[WindowReport], dict[str, Any]]
) -> None:
    """Injected fraud raises alerts, and a repeat of the committer brings none twice."""
    alerts = open_table(settings, "gold.alerts").count()
    assert alerts > 0
    assert alerts == sum(len(report.latencies_ms) for report in drained[0])


def test_every_label_is_a_row_once(
    settings: Settings, drained: tuple[list[WindowReport], dict[str, Any]]
) -> None:
    """Guards against labels lost at a hand-over, or brought by both of its runs."""
    reports, sent = drained
    labels = scan(settings, "labels.transactions").collect()
    assert labels.height == sent["labels"] > 0
    assert labels["problem"].null_count() == labels.height
    assert sum(report.followed["labels.transactions"] for report in reports) == labels.height
    assert reports[1].labels_waiting == 0
