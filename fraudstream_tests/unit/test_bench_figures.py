"""The benchmark's figures: what is counted, what is told apart, and when a rate counts as carried."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from fraudstream_platform.bench.engines import ENGINES
from fraudstream_platform.bench.figures import (
    Measured,
    carries,
    figures,
    handover_spans,
    lag_grows,
)
from fraudstream_platform.bench.page import page
from fraudstream_platform.bench.plot import draw
from fraudstream_platform.bench.process import EngineProcess
from fraudstream_platform.drain.journal import Entry, Term
from fraudstream_platform.errors import UserError
from fraudstream_platform.measuring.usage import bytes_below, component
from fraudstream_platform.measuring.watch import Sample

pytestmark = pytest.mark.unit

LOAD = Measured(
    engine="fraudstream",
    tps=1_000.0,
    span=(100.0, 110.0),
    records=10_000,
    sent_at=(99.9, 100.0, 104.0, 110.0, 110.1),
    latencies_ms=(9_000.0, 80.0, 400.0, 90.0, 9_000.0),
    handovers=((104.2, 104.6),),
    cpu_s={"tasks": 4.0, "broker": 1.0},
    generator={"slip_p99_ms": 3.0, "slip_max_ms": 5.0},
)
MACHINE = {
    "processor": "x", "cores": 2, "memory_gb": 8.0, "kernel": "6", "python": "3.11",
    "load_before": 0.1,
}  # fmt: skip


def sample(at: float, lag: int) -> Sample:
    return Sample(at, 0, lag, {}, {"gold": at})


def test_alerts_of_the_warm_up_and_of_the_time_after_do_not_count() -> None:
    """Kernels and caches warm up first: their latency would be the report's worst."""
    found = figures(LOAD)
    assert found["alerts"] == 3
    assert found["latency_ms"]["max"] == 400


def test_an_alert_is_near_a_handover_by_when_it_was_seen() -> None:
    """One sent before the hand-over and held up by it is the very one that is looked for."""
    found = figures(LOAD)
    assert found["near_handovers_ms"] == dict.fromkeys(("p50", "p95", "p99", "p999", "max"), 400.0)


def test_cost_is_by_component_and_adds_up() -> None:
    """A component left out of the sum would make the pipeline look cheaper."""
    found = figures(LOAD)
    assert found["cpu_s_per_million"] == {"broker": 100.0, "tasks": 400.0, "together": 500.0}
    assert found["cores_busy"] == 0.5


def test_a_generator_that_fell_behind_is_a_problem() -> None:
    """Then latency is the generator's, and the rate was never sent."""
    late = replace(LOAD, generator={"slip_p99_ms": 250.0})
    assert any("generator" in problem for problem in figures(late)["problems"])
    assert figures(LOAD)["problems"] == []


def test_a_load_without_alerts_is_never_carried() -> None:
    """An engine that does nothing has no latency to fail by."""
    silent = figures(replace(LOAD, sent_at=(), latencies_ms=()))
    assert silent["problems"] == ["no alert was seen"]
    assert not carries(silent)


@pytest.mark.parametrize(
    "unfinished", [replace(LOAD, has_sent=False), replace(LOAD, has_settled=False)]
)
def test_alerts_that_nobody_waited_for_are_a_problem(unfinished: Measured) -> None:
    """The slowest alerts of an engine that falls behind come last, and would be missing."""
    behind = figures(unfinished)
    assert len(behind["problems"]) == 1
    assert not carries(behind)


@pytest.mark.parametrize(("worst", "expected"), [(499.0, True), (500.0, False)])
def test_a_rate_is_carried_below_half_a_second(worst: float, expected: bool) -> None:
    assert carries(figures(replace(LOAD, sent_at=(105.0,), latencies_ms=(worst,)))) is expected


def test_lag_that_swings_does_not_grow_and_lag_that_rises_does() -> None:
    """Each flush makes lag a saw; only a rising one is a stream that is not kept up with."""
    swinging = [100, 900, 200, 800, 150, 850, 100, 900, 200]
    assert not lag_grows(swinging, tps=1_000)
    assert lag_grows([n * 200 for n in range(9)], tps=1_000)
    rising = figures(replace(LOAD, samples=[sample(n, n * 200) for n in range(9)]))
    assert rising["lag_grows"]
    assert not carries(rising)


def test_a_handover_spans_all_groups_of_its_window() -> None:
    """One group's gap alone would leave the later group's slow alerts out."""
    finals = [Entry("final", g, Term(60_000, 1, 0), "a", 0, at=60_000 + 100 * g) for g in (0, 1)]
    owners = [Entry("owner", g, Term(120_000, 1, 0), "b", 0, at=60_200 + 500 * g) for g in (0, 1)]
    assert handover_spans(finals, owners) == [(59.5, 62.7)]


@pytest.mark.parametrize(
    ("service", "is_root", "is_java", "expected"),
    [
        ("kafka", True, True, "broker"),
        ("spark", True, True, "spark"),
        ("spark", False, False, "tasks"),
        ("engine-0", True, False, "tasks"),
        ("engine-0", False, True, "spark"),
        ("code", True, False, "dagster"),
        ("code", False, False, "runs"),
        ("generator", True, False, "generator"),
    ],
)
def test_a_process_is_counted_where_it_belongs(
    service: str, is_root: bool, is_java: bool, expected: str
) -> None:
    """A peer's JVM counted as its tasks would flatter whoever has none."""
    assert component(service, is_root=is_root, is_java=is_java) == expected


def test_bytes_below_counts_files_of_all_depths(tmp_path: Path) -> None:
    (tmp_path / "lake" / "deep").mkdir(parents=True)
    (tmp_path / "lake" / "a").write_bytes(b"123")
    (tmp_path / "lake" / "deep" / "b").write_bytes(b"4567")
    assert bytes_below([tmp_path / "lake", tmp_path / "absent"]) == {"lake": 7, "absent": 0}


def test_a_peer_has_stepped_what_it_last_said(tmp_path: Path) -> None:
    """Its file is empty for a moment whenever it writes: read as none, its lag would leap."""
    ready = tmp_path / "ready"
    ready.touch()
    with subprocess.Popen(["sleep", "60"]) as process:
        peer = EngineProcess(process, ready, tmp_path / "log")
        assert peer.stepped() == 0
        ready.write_text("1200")
        assert peer.stepped() == 1_200
        ready.write_text("")
        assert peer.stepped() == 1_200
        peer.stop()
    with pytest.raises(UserError, match="ended"):
        peer.stepped()


def test_page_and_plot_show_every_load(tmp_path: Path) -> None:
    loads = [figures(replace(LOAD, engine=name)) for name in ENGINES]
    report = {
        "command": "fraudstream bench", "machine": MACHINE, "loads": loads,
        "highest_carried": {"plain": 5_000.0}, "problems": ["plain: late"],
    }  # fmt: skip
    text = page(report)
    assert all(f"| {name} | 1,000 | 3 |" in text for name in ENGINES)
    assert "5,000 a second" in text
    assert "**Problem:** plain: late" in text
    assert draw(LOAD, tmp_path / "load.png").stat().st_size > 10_000
