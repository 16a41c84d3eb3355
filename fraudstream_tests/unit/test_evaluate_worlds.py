"""A small world from its generator through the step to the report."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from fraudstream_platform.contracts.tables import BRONZE_SCHEMA
from fraudstream_platform.contracts.validation import judge
from fraudstream_platform.detection.rules import RULES
from fraudstream_platform.detection.step import Detector
from fraudstream_platform.errors import UserError
from fraudstream_platform.evaluate.bronze import PARTITIONS, Topic
from fraudstream_platform.evaluate.changes import change_of
from fraudstream_platform.evaluate.cli import PresetName, evaluate, run
from fraudstream_platform.evaluate.figures import Figures, figures_of
from fraudstream_platform.evaluate.formats import WIDTH
from fraudstream_platform.evaluate.gates import recall_gates
from fraudstream_platform.evaluate.leak import TOLERANCE, leak_test, stratified_auc
from fraudstream_platform.evaluate.metrics.cases import CaseCounts
from fraudstream_platform.evaluate.metrics.course import Course
from fraudstream_platform.evaluate.metrics.deadlines import DEADLINES
from fraudstream_platform.evaluate.metrics.recall import cells
from fraudstream_platform.evaluate.metrics.scores import Curve
from fraudstream_platform.evaluate.observe import observe
from fraudstream_platform.evaluate.plots import draw
from fraudstream_platform.evaluate.report import build_report
from fraudstream_platform.evaluate.sampling import FEATURE_NAMES, Sample, Sampler
from fraudstream_platform.evaluate.table import report_view
from fraudstream_platform.evaluate.worlds import KINDS, PRESETS, Kind, Preset, World, plan
from fraudstream_platform.network.findings import Finding
from fraudstream_platform.protection.tokens import Tokeniser
from fraudstream_platform.simulator.injector import PATTERNS
from fraudstream_platform.simulator.stream import Batch, Stream

PATTERN = "velocity_attack"
SMALL = Kind("small", (PATTERN,), 90, 12, 3, fraud_rate=0.05, is_main=True)


def world(seed: int = 3, **changes: Any) -> World:
    preset = replace(PRESETS["tuning"], scale=(1.0, 1.0), kinds=(replace(SMALL, **changes),))
    return plan(replace(preset, first_seed=seed), 1)[0]


def ran(one: World) -> Figures:
    sampler = Sampler(one.seed, one.config.count)
    return figures_of(one, observe(one, lambda rows: None, sampler=sampler), sampler.sample())


@pytest.fixture(scope="module")
def two() -> list[Figures]:
    """A world of an odd seed and one of an even."""
    return [ran(world(3)), ran(world(4))]


@pytest.fixture(scope="module")
def reported(two: list[Figures]) -> tuple[dict[str, Any], dict[str, Curve]]:
    """Their report and its curves."""
    return build_report(two, "tuning")


def batches(one: World) -> list[Batch]:
    return list(Stream(one.config, Tokeniser(b"evaluation-test-key")).batches())


def test_presets_share_neither_seeds_nor_ranges() -> None:
    """What was tuned on a world must not be reported on it."""
    tuning, reporting = PRESETS["tuning"], PRESETS["reporting"]
    assert tuning.last_seed < reporting.first_seed == 11_018
    assert tuning.scale[1] < reporting.scale[0]
    assert tuning.season[1] < reporting.season[0]
    with pytest.raises(ValueError, match="1 to 999"):
        plan(tuning, 1_000)


def test_every_simulated_pattern_has_a_deadline_and_a_world() -> None:
    """A pattern that is in no world would never be measured."""
    tried = {name for kind in KINDS for name in kind.patterns}
    assert tried == set(DEADLINES) == set(PATTERNS)
    for one in plan(PRESETS["tuning"], 1):
        assert one.config.is_true_time
        assert one.config.patterns or one.kind.fraud_rate == 0


def test_the_injector_reaches_every_world() -> None:
    """A report of held-out attacks must not be of the first hand's."""
    assert {one.config.injector for one in plan(PRESETS["tuning"], 1)} == {"first"}
    assert {one.config.injector for one in plan(PRESETS["tuning"], 1, "heldout")} == {"heldout"}


def test_records_become_bronze_rows_that_are_clean() -> None:
    """A date read as a number or a gap in offsets would send rows to quarantine, unseen."""
    topic, kept = Topic(), []
    for batch in batches(world()):
        kept.append(topic.append(batch.records(), batch.keys()))
    frame = pl.concat(kept)
    assert frame.schema == BRONZE_SCHEMA
    assert frame.get_column("append_time").is_sorted()
    assert set(frame.get_column("partition")) <= set(range(PARTITIONS))
    offsets = frame.group_by("partition").agg(pl.col("offset"))
    for partition_offsets in offsets.get_column("offset"):
        assert partition_offsets.to_list() == list(range(len(partition_offsets)))
    assert not judge(frame).failed


def test_figures_agree_with_a_naive_count() -> None:
    """A row number that is off by one step would judge alerts by other transactions."""
    one = world()
    figures = figures_of(one, observe(one, lambda rows: None))
    detector, topic = Detector(quality_threshold=0.8), Topic()
    alerted: set[str] = set()
    attacks = []
    counted: set[str] = set()
    for batch in batches(one):
        result = detector.step(topic.append(batch.records(), batch.keys()), "h")
        alerted |= set(result.alerts.get_column("transaction_id"))
        attacks += batch.attacks
        counted |= {
            sent.transaction_id
            for sent in batch.transactions
            if sent.head[2] >= one.counted_from_ms
        }
    assert figures.transactions == len(counted)
    fraud = {t for attack in attacks for t in attack.transaction_ids}
    assert figures.fraudulent == len(fraud & counted)
    assert figures.alerts == len(alerted & counted)
    kept = [a for a in attacks if a.first_ms >= one.counted_from_ms]
    assert [course.transactions for course in figures.courses] == [
        len(a.transaction_ids) for a in kept
    ]
    firsts = [
        next((n for n, t in enumerate(a.transaction_ids, 1) if t in alerted), 0) for a in kept
    ]
    assert [course.seen for course in figures.courses] == firsts
    assert any(firsts)


def test_warming_up_is_not_counted() -> None:
    """Alerts on cold histories would be reported as the detector's precision."""
    whole, warm = (ran(world(warm_up_days=days)) for days in (0, 7))
    assert 0 < warm.transactions < whole.transactions
    assert warm.days == pytest.approx(5, abs=0.3)
    assert len(warm.courses) < len(whole.courses)


def test_a_quiet_world_has_no_fraud_and_no_recall() -> None:
    """A division by its zero frauds must not end the evaluation."""
    figures = ran(world(fraud_rate=0.0, patterns=()))
    assert figures.fraudulent == 0
    assert figures.courses == []
    assert figures.cases.right == 0


def test_a_step_of_which_nothing_is_drawn_is_no_failure() -> None:
    """In a small world of a large evaluation the lots miss whole steps."""
    one = world(fraud_rate=0.0, patterns=())
    sampler = Sampler(one.seed, 10**12)
    seen = observe(one, lambda rows: None, sampler=sampler)
    alerting = int((seen.rows.score >= RULES.review_score).sum())
    assert sampler.sample().formats.shape == (alerting, WIDTH)


def found(*members: str) -> Finding:
    return Finding("synthetic_identity", tuple(sorted(members)), 700, (), (0, 0), 40)


def test_a_found_group_is_a_case_and_catches_its_attack() -> None:
    """Findings of graph patterns have no transaction: they would count nowhere."""
    one = world()
    seen: list[int] = []

    def find(silver: pl.DataFrame) -> list[Finding]:
        seen.append(silver.height)
        return [found(*silver.get_column("customer").unique().drop_nulls())]

    observed = observe(one, lambda rows: None, find)
    assert seen == sorted(seen)
    assert len(observed.findings) == 1
    attack = next(a for a in observed.truth.attacks if a.first_ms >= one.counted_from_ms)
    observed.findings[0] = observed.findings[0]._replace(
        finding=found(attack.customer or ""), at_ms=attack.last_ms
    )
    observed.raised.clear()
    figures = figures_of(one, observed)
    assert figures.cases == CaseCounts(right=1)
    assert sum(course.seen > 0 for course in figures.courses) >= 1


def test_changed_worlds_change_what_they_say() -> None:
    """A change that never happens would report drift as harmless."""
    one = world(change="drift")
    records = [r for b in batches(one) for r in b.records()]
    before = [r["billing_amount_minor"] for r in records]
    change_of(one)(records)
    after = [r["billing_amount_minor"] for r in records]
    assert before[:10] == after[:10]
    assert after[-1] == pytest.approx(1.5 * before[-1], rel=0.02, abs=1)
    missing = world(change="missing")
    records = [r for b in batches(missing) for r in b.records()]
    had = [r for r in records if r["device"]]
    placed = sum(r["latitude"] is not None for r in records)
    change_of(missing)(records)
    lost = sum(r["device"] is None for r in had) / len(had)
    assert lost == pytest.approx(0.3, abs=0.06)
    assert 0 < sum(r["latitude"] is not None for r in records) < placed
    assert all((r["latitude"] is None) == (r["longitude"] is None) for r in records)


def test_every_pattern_has_its_gates_even_where_it_was_never_tried() -> None:
    """A pattern that fell out of the simulator would fall out of the gates."""
    listed = recall_gates([])
    assert len(listed) == 2 * len(DEADLINES)
    assert {gate.verdict for gate in listed} == {"not measured"}


def test_a_small_cell_passes_no_gate(two: list[Figures]) -> None:
    """Three attacks caught of three say nothing."""
    found = cells(course for one in two for course in one.courses)
    gates = [gate for gate in recall_gates(found) if gate.n]
    assert gates
    assert {gate.verdict for gate in gates} == {"too few"}


def test_the_report_is_json_tables_and_plots(
    reported: tuple[dict[str, Any], dict[str, Curve]], tmp_path: Path
) -> None:
    """A NaN or a numpy number would end the command after an hour's work."""
    report, curves = reported
    again: dict[str, Any] = json.loads(json.dumps(report, allow_nan=False))
    assert again["injector"] == "first"
    assert [line["method"] for line in again["baselines"]] == [
        "rules", "amount only", "velocity only", "gradient boosting",
    ]  # fmt: skip
    assert all("not_measured" not in line for line in again["baselines"])
    shown = io.StringIO()
    Console(file=shown, width=200).print(report_view(again))
    for word in (PATTERN, "case precision", "gradient boosting", "not claims about the world"):
        assert word in shown.getvalue()
    files = draw(again, curves, tmp_path / "plots")
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)


def test_no_baseline_flags_more_than_the_rules(
    reported: tuple[dict[str, Any], dict[str, Curve]],
) -> None:
    """By flagging more, any method finds more."""
    rules, *others = reported[0]["baselines"]
    assert rules["flagged_share"] > 0
    assert all(line["flagged_share"] <= rules["flagged_share"] + 1e-12 for line in others)


def planted(base: Figures, *, leaks: bool) -> list[Figures]:
    """Two worlds of 400 attacks whose formats are noise, but for one number where it leaks."""
    rows, width, none = 4_000, len(FEATURE_NAMES), np.zeros(1, np.int64)
    attack = Course(PATTERN, "normal", none, none.astype(float), none.astype(np.int32))
    firsts = np.arange(0, rows, 10)
    made = []
    for seed in (1, 2):
        chance = np.random.default_rng(seed)
        formats = chance.normal(size=(rows, 8)).astype(np.float32)
        formats[firsts, 0] += leaks
        sample = Sample(
            row=np.arange(rows), weight=np.ones(rows), drawn=np.arange(rows) % 10 > 0,
            score=np.zeros(rows, np.int32), cents=np.ones(rows),
            features=np.zeros((rows, width), np.float32), formats=formats,
            stratum=chance.integers(0, 3, rows), victims={},
            controls=np.zeros((10, width), np.float32), control_row=np.zeros(10, np.int64),
        )  # fmt: skip
        made.append(
            replace(
                base, seed=seed, sample=sample, first_row=0, courses=[attack] * len(firsts),
                attack_rows=[firsts[n : n + 1] for n in range(len(firsts))],
            )
        )  # fmt: skip
    return made


def test_the_leak_test_finds_a_planted_mark_and_nothing_in_noise(two: list[Figures]) -> None:
    """A leak test that cannot fail proves nothing."""
    found, history = leak_test(planted(two[0], leaks=True))
    assert found["auc"] > 0.65
    assert not found["passed"]
    assert history["passed"] is None
    assert "needed" in history["not_measured"]
    clean, _ = leak_test(planted(two[0], leaks=False))
    assert abs(clean["auc"] - 0.5) < 3 * TOLERANCE
    assert clean["low"] < 0.5 < clean["high"]


def test_only_rows_of_one_stratum_are_compared() -> None:
    """How a card is used is a signal; compared across, every online fraud would be a leak."""
    score = np.array([1.0, 1.0, 5.0, 5.0])
    is_attack = np.array([False, True, False, True])
    assert stratified_auc(score, is_attack, np.array([0, 0, 1, 1])) == (0.5, 2)
    assert stratified_auc(score, is_attack, np.zeros(4, np.int64)) == (0.5, 4)
    assert stratified_auc(np.array([0.0, 1.0]), np.array([False, True]), np.zeros(2, np.int64)) == (
        1.0,
        1,
    )


def test_a_preset_says_what_it_draws_from() -> None:
    """Equal worlds for all seeds would make five seeds one."""
    preset: Preset = PRESETS["tuning"]
    worlds = plan(preset, 2)
    starts = {one.config.start_ms for one in worlds}
    assert len(starts) == len(worlds)


def test_the_command_writes_what_it_shows(tmp_path: Path) -> None:
    """Worlds run in processes of their own: what cannot be handed over is lost there."""
    tiny = replace(SMALL, customers=20, days=4, warm_up_days=1)
    preset = replace(PRESETS["tuning"], scale=(1.0, 1.0), kinds=(tiny,))
    shown, report = io.StringIO(), tmp_path / "evaluation.json"
    run(preset, "tuning", 2, report, None, Console(file=shown, width=200))
    written = json.loads(report.read_text())
    assert written["seeds"] == [1, 2]
    assert [one["world"] for one in written["worlds"]] == ["small", "small"]
    assert all(one["transactions"] > 0 for one in written["worlds"])
    assert str(report) in shown.getvalue()


def test_what_cannot_be_run_is_refused_before_an_hour_is_spent(tmp_path: Path) -> None:
    """The report's folder is needed last: it is checked first."""
    with pytest.raises(UserError, match="no such folder"):
        evaluate(1, tmp_path / "none" / "evaluation.json", None, PresetName.TUNING)
    with pytest.raises(UserError, match="1 to 999"):
        evaluate(1_000, tmp_path / "evaluation.json", None, PresetName.TUNING)
