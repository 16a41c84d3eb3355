"""Alerts: who is acted upon, how, and what a person reads about it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from fraudstream_platform.contracts.texts import Texts
from fraudstream_platform.detection.batch import Batch, Reason, Signal
from fraudstream_platform.detection.cases import case_id
from fraudstream_platform.detection.events import HASHED, read_events
from fraudstream_platform.detection.findings import ENTITIES, FACTS, Subject, subjects_of
from fraudstream_platform.detection.hashing import hash_texts
from fraudstream_platform.detection.patterns import PATTERNS
from fraudstream_platform.detection.rules import RULES, RuleSet
from fraudstream_platform.detection.sample import bronze, sample_row, token
from fraudstream_platform.detection.scoring import Scores, action, noisy_or
from fraudstream_platform.detection.step import Detector, StepResult

REFUSED = {"outcome": "declined_data", "response_code": "14", "billing_amount_minor": 100}
NOWHERE = {"latitude": None, "longitude": None, "geo_precision_km": None}
ONLINE = {"entry_mode": "ecom", "channel": "ECOM", "source": "ONLINE", **NOWHERE}


class Fixed:
    """A pattern that finds the same on every row."""

    def __init__(self, family: str, entity: str, code: str, strength: float = 0.0) -> None:
        self.family = family
        self._reason = Reason(code, f"{strength} of 1", strength, None, 60, entity)
        self._strength = strength

    def signal(self, batch: Batch, rules: RuleSet) -> Signal:
        """The one strength."""
        return np.full(batch.rows, self._strength)

    def reasons(self, batch: Batch, row: int, rules: RuleSet) -> list[Reason]:
        """The one reason."""
        return [self._reason]


@pytest.fixture(name="shared")
def patterns_of_card_and_merchant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two families: testing is about the merchant, velocity about the card."""
    monkeypatch.setitem(PATTERNS, "card_testing", Fixed("testing", "merchant", "CT09"))
    monkeypatch.setitem(PATTERNS, "velocity_attack", Fixed("velocity", "card", "VA09"))


def subjects(testing: float, velocity: float, **changes: Any) -> list[Subject]:
    """Who is found where these two signals fire on one row."""
    frame = bronze([sample_row(0, **changes)])
    events = read_events(frame, hash_texts(Texts.of(frame), HASHED))
    batch = Batch(events, np.zeros((1, 0), np.int64), np.zeros((1, 0)))
    signals = {"card_testing": np.array([testing]), "velocity_attack": np.array([velocity])}
    scores = Scores(np.array([noisy_or((testing, velocity))], np.int32), signals)
    return subjects_of(frame.select(FACTS).row(0, named=True), batch, scores, RULES, 0)


def step(rows: list[dict[str, Any]], detector: Detector | None = None) -> StepResult:
    """One step over `rows`."""
    return (detector or Detector(quality_threshold=0.0)).step(bronze(rows), "2026-01-05T12")


def probes(card: int, start: int, count: int, **changes: Any) -> list[dict[str, Any]]:
    """Refused attempts on one card at a merchant each, from second `start` on."""
    named = {"card": token("ca", card), "customer": token("cu", card), **REFUSED, **ONLINE}
    return [
        sample_row(start + i, merchant_id=f"m-{card}-{i}", **{**named, **changes})
        for i in range(count)
    ]


@pytest.mark.usefixtures("shared")
def test_evidence_on_a_merchant_acts_on_the_merchant() -> None:
    """A tested merchant's ordinary customers must not find their cards blocked."""
    (only,) = subjects(0.9, 0.0)
    assert (only.findings[0].keys, only.is_cardholder) == (("testing:merchant:m-1",), False)
    assert (only.score, only.action) == (900, "block")


@pytest.mark.usefixtures("shared")
def test_a_cardholder_is_judged_by_his_own_evidence_beside_a_stronger_one() -> None:
    """0.9 at the merchant and 0.4 on the card: no reason to stop the card."""
    merchant, card = subjects(0.9, 0.4)
    assert (merchant.score, merchant.action) == (940, "block")
    assert (card.score, card.action, card.is_cardholder) == (400, "allow", True)


@pytest.mark.usefixtures("shared")
def test_other_evidence_strengthens_that_of_the_strongest_subject() -> None:
    """Half a suspicion of the card, at a merchant under attack: together worth a look."""
    card, merchant = subjects(0.5, 0.55)
    assert (card.score, card.findings[0].family) == (775, "velocity")
    assert merchant.score == 500


@pytest.mark.parametrize(
    ("kind", "facts", "key"),
    [
        ("card", {}, f"testing:card:{token('ca', 1)}"),
        ("customer", {}, f"testing:customer:{token('cu', 1)}"),
        ("customer", {"customer": None}, f"testing:card:{token('ca', 1)}"),
        ("card", {"card": None}, f"testing:customer:{token('cu', 1)}"),
        ("instrument", {}, f"testing:card:{token('ca', 1)}"),
        ("instrument", {"device_pan": token("ca", 9)}, f"testing:instrument:{token('ca', 9)}"),
        ("device", {"device": token("de", 3)}, f"testing:device:{token('de', 3)}"),
        ("ipnet", {"ip_net": token("in", 4)}, f"testing:ipnet:{token('in', 4)}"),
        ("bin_merchant", {}, "testing:bin_merchant:40000000@m-1"),
        ("event", {}, f"testing:card:{token('ca', 1)}"),
    ],
)
def test_a_reasons_entity_gives_the_key(
    monkeypatch: pytest.MonkeyPatch, kind: str, facts: dict[str, Any], key: str
) -> None:
    """A key without its token would put everybody into one case, and hide all but the first."""
    monkeypatch.setitem(PATTERNS, "card_testing", Fixed("testing", kind, "CT09"))
    (only,) = subjects(0.9, 0.0, **facts)
    assert only.findings[0].keys[0] == key


def test_every_kind_of_entity_is_named_by_columns_of_silver() -> None:
    """A kind without columns would fall back to the card without a word."""
    row = sample_row(0)
    assert all(columns for columns in ENTITIES.values())
    assert set(FACTS) <= set(bronze([row]).columns)


@pytest.mark.parametrize(
    ("changes", "score", "expected"),
    [
        (ONLINE, 600, "step_up"), (ONLINE, 849, "step_up"), (ONLINE, 850, "block"),
        ({}, 600, "review"), ({**ONLINE, "initiator": "MIT"}, 600, "review"),
        ({**ONLINE, "message_type": "REFUND"}, 600, "review"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("shared")
def test_only_an_absent_cardholder_who_acts_is_asked_to_authenticate(
    changes: dict[str, Any], score: int, expected: str
) -> None:
    """Nobody answers a challenge for a subscription, a refund, or a card in a terminal."""
    (only,) = subjects(0.0, score / 1000, **changes)
    assert (only.score, only.action) == (score, expected)


def test_actions_grow_with_the_score() -> None:
    """Below the review score nothing happens."""
    found = [action(score, RULES, is_remote=True) for score in (0, 599, 600, 850)]
    assert found == ["allow", "allow", "step_up", "block"]


def test_noisy_or_of_one_row_is_that_of_the_batch() -> None:
    """Two formulas that round differently would let an alert and its feature row disagree."""
    chance = np.random.default_rng(5)
    for signals in chance.random((500, 3)):
        vectorised = np.floor(1000.0 * (1.0 - np.prod(1.0 - signals)) + 0.5)
        assert noisy_or(signals.tolist()) == vectorised


def test_the_strongest_pattern_is_named_however_weak() -> None:
    """Many weak signals add up to an alert: without a name it would have no reason."""
    scores = Scores(np.array([700], np.int32), {"a": np.array([0.2]), "b": np.array([0.25])})
    assert scores.fired(0) == {"b": 0.25}


def test_reasons_begin_with_the_case_and_are_one_a_family(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is acted upon reads first why; a family that speaks twice would crowd out the others."""
    found = {
        "card_testing": Fixed("testing", "merchant", "CT09", 0.9),
        "velocity_attack": Fixed("testing", "card", "VA09", 0.7),
        "impossible_geography": Fixed("geography", "card", "IG09", 0.6),
        "amount_probing": Fixed("probing", "device", "AP09", 0.5),
    }
    for name in list(PATTERNS):
        monkeypatch.setitem(PATTERNS, name, found.get(name, Fixed("none", "card", "XX09")))
    row = sample_row(0, device=token("de", 1))
    alert = step([row]).alerts.row(0, named=True)
    assert alert["case_key"] == f"testing:card:{token('ca', 1)}"
    assert [reason["code"] for reason in alert["reasons"]] == ["VA09", "IG09", "AP09"]
    assert alert["patterns"] == list(found)
    assert (alert["score"], alert["action"]) == (880, "block")


@pytest.mark.usefixtures("shared")
def test_a_tested_merchant_is_one_case_whoever_pays_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """One alert a cardholder would be hundreds in ten minutes."""
    strong = Fixed("testing", "merchant", "CT09", 0.7)
    monkeypatch.setitem(PATTERNS, "card_testing", strong)
    rows = [sample_row(i, card=token("ca", i), customer=token("cu", i)) for i in range(40)]
    result = step(rows)
    assert result.alerts["case_key"].to_list() == ["testing:merchant:m-1"]
    assert result.features["is_suppressed"].sum() == 39
    assert result.features["score"].to_list() == [700] * 40
    assert result.features["case_id"].n_unique() == 1


def test_alerts_and_repeats_are_all_rows_over_the_review_score() -> None:
    """A repeat keeps its score and its case in the feature table, so it can be counted."""
    rows = [*probes(1, 0, 14), *probes(2, 100, 14)]
    result = step(rows)
    features = result.features
    over = features["score"] >= RULES.review_score
    assert (features["case_id"].is_not_null() == over).all()
    told = features.filter(over & ~features["is_suppressed"])
    columns = ["transaction_id", "score", "case_id"]
    assert_frame_equal(told.select(columns), result.alerts.select(columns))
    assert features["is_suppressed"].sum() == over.sum() - result.alerts.height > 0


def test_a_second_victim_is_alerted_as_early_as_the_first() -> None:
    """Suppression is for repeats: the same attack on the next card is none."""
    alone = step(probes(2, 100, 8)).alerts
    after = step([*probes(1, 0, 12), *probes(2, 100, 8)]).alerts
    second = after.filter(pl.col("card") == token("ca", 2))
    assert_frame_equal(second, alone)
    assert second["case_event"].to_list()[0] == "opened"


def test_a_case_is_named_by_its_opening() -> None:
    """Whoever rebuilds the hour gets the same case."""
    first = step(probes(1, 0, 8)).alerts.row(0, named=True)
    assert first["case_event"] == "opened"
    assert first["case_id"] == case_id(first["case_key"], first["transaction_id"])


def test_rows_below_the_review_score_touch_no_case() -> None:
    """Nearly all rows: what they cost, every step costs."""
    detector = Detector(quality_threshold=0.0)
    rows = [sample_row(i, card=token("ca", i), customer=token("cu", i)) for i in range(30)]
    step(rows, detector)
    assert detector.export_state(0)["cases.cells"].shape[0] == 0


attacks = st.lists(
    st.tuples(
        st.integers(0, 2), st.integers(0, 1), st.sampled_from((1, 60, 700, 90_000)), st.booleans()
    ),
    min_size=20,
    max_size=60,
)


def attacked(choices: list[tuple[int, int, int, bool]]) -> list[dict[str, Any]]:
    """Probes of few cards over two partitions, some arriving an hour late, some in person."""
    rows, now, offsets = list[dict[str, Any]](), 0, [0, 0]
    for card, partition, gap, late in choices:
        now += gap
        offsets[partition] += 1
        row = probes(card, now, 1)[0] | {"partition": partition, "offset": offsets[partition]}
        seen = sample_row(now - 3_600)["event_time"] if late else row["event_time"]
        rows.append(row | {"event_time": seen, "transaction_id": f"t-{len(rows)}"})
    return rows


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(attacks, st.lists(st.integers(0, 60), max_size=6))
def test_any_cut_gives_the_same_alerts_over_restarts(
    choices: list[tuple[int, int, int, bool]], cuts: list[int]
) -> None:
    """After a crash the standby steps differently: another case id would be another alert."""
    rows = attacked(choices)
    whole = step(rows)
    parts, detector = [], Detector(quality_threshold=0.0)
    bounds = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    for start, stop in pairwise(bounds):
        parts.append(step(rows[start:stop], detector))
        restarted = Detector(quality_threshold=0.0)
        for partition in (0, 1):
            restarted.import_state(partition, detector.export_state(partition))
        detector = restarted
    for name in ("alerts", "features"):
        joined = pl.concat([getattr(part, name) for part in parts])
        assert_frame_equal(joined, getattr(whole, name), check_exact=True)


def test_scores_of_a_batch_agree_with_its_alerts() -> None:
    """Where all evidence is the cardholder's own, the alert's score is the row's."""
    rows = probes(1, 0, 8)
    result = step(rows)
    joined = result.alerts.join(result.features, on="transaction_id", suffix="_row")
    assert (joined["score"] == joined["score_row"]).all()
