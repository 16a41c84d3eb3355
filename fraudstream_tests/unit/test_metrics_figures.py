"""Metrics of the drain: what the journal tells is what Prometheus sees."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry

from fraudstream_platform.drain.journal import Entry, SnapshotRef, Term
from fraudstream_platform.lake.files import DataFile
from fraudstream_platform.logs import configure
from fraudstream_platform.metrics.figures import JournalFigures
from fraudstream_platform.settings import PROJECT_ROOT, Settings

pytestmark = pytest.mark.unit

FILES = (
    DataFile("bronze.transactions", "a", 100, 90, "h"),
    DataFile("bronze.dead_letter", "b", 10, 10, "h"),
)
SNAPSHOT = SnapshotRef("p", "sha-1", "v", {0: 50})
FIRST = Entry("owner", 0, Term(1, 1, 0), "one", 10, {0: 0}, {0: 0}, at=1_000)
FLUSH = replace(
    FIRST,
    kind="flush",
    flushed={0: 100},
    start={0: 0},
    files=FILES,
    snapshots=(SNAPSHOT,),
    counts={"first_append_ms": 4_000},
    latency_ms=(40, 400),
    at=5_000,
)
FINAL = replace(FLUSH, kind="final", files=(), latency_ms=(), at=8_000)
NEXT = replace(FIRST, term=Term(2, 1, 0), run_id="two", flushed={0: 100}, at=8_150)
HEARTBEAT = replace(FIRST, kind="run", group=-1, flushed={0: 100}, at=6_500)


def moved(*entries: Entry) -> tuple[JournalFigures, CollectorRegistry]:
    registry = CollectorRegistry()
    figures = JournalFigures(registry)
    for entry in entries:
        figures.note(entry)
    return figures, registry


def test_a_window_and_its_hand_over_are_counted() -> None:
    """Guards against figures that miss rows, count a snapshot anew, or mix up who took over."""
    figures, registry = moved(FIRST, FLUSH, HEARTBEAT, FINAL, NEXT)
    figures.note_ends({0: 130, 1: 7})

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"fraudstream_{name}", labels)

    assert value("rows_total", table="bronze.transactions") == 90
    assert value("rows_total", table="bronze.dead_letter") == 10
    assert value("alert_latency_seconds_count") == 2
    assert value("alert_latency_seconds_bucket", le="0.05") == 1
    assert value("freshness_seconds_sum") == 2.5
    assert value("handover_gap_seconds_sum") == 0.15
    assert value("takeovers_total", group="0", after="final") == 1
    assert value("takeovers_total", group="0", after="nobody") == 1
    assert value("snapshot_timestamp_seconds", group="0") == 5
    assert value("owner_heard_timestamp_seconds", group="0") == 8.15
    assert value("lag_records", partition="0") == 30
    assert value("lag_records", partition="1") == 0  # nothing is known of it yet


def test_a_successor_of_a_dead_owner_is_told_from_a_hand_over() -> None:
    """Guards against kills that look like ordinary windows."""
    _, registry = moved(FIRST, FLUSH, NEXT)
    labels = {"group": "0", "after": "dead"}
    assert registry.get_sample_value("fraudstream_takeovers_total", labels) == 1
    assert registry.get_sample_value("fraudstream_handover_gap_seconds_count") == 0


def test_every_alert_rule_asks_for_a_metric_that_is_there() -> None:
    """Guards against a rule that is never true because a metric has another name."""
    _, registry = moved(FIRST, FLUSH, HEARTBEAT, FINAL, NEXT)
    there = {sample.name for family in registry.collect() for sample in family.samples}
    there.add("fraudstream_lag_records")
    rules = yaml.safe_load((PROJECT_ROOT / "deploy/prometheus/alerts.yml").read_text())
    for rule in rules["groups"][0]["rules"]:
        asked = set(re.findall(r"fraudstream_\w+", rule["expr"]))
        assert asked
        assert asked <= there, rule["alert"]


@pytest.fixture
def _untouched_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("_untouched_logging")
def test_a_json_log_line_says_which_run_window_and_offsets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Guards against lines that a collector can't tie to the window they are about."""
    settings = Settings(_env_file=None, data_dir=tmp_path, log_format="json")
    configure(settings, run_id="r-1", window=7, group=0)
    logging.getLogger("any.library").warning("slow %s", "disk", extra={"flushed": {0: 5}})
    line = json.loads(capsys.readouterr().err)
    assert line["event"] == "slow disk"
    assert (line["run_id"], line["window"], line["group"]) == ("r-1", 7, 0)
    assert (line["level"], line["logger"], line["flushed"]) == (
        "warning",
        "any.library",
        {"0": 5},
    )
