"""The naive scores, cases and alerts beside the engine's, over whole streams."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate
from typing import Any

import polars as pl
from hypothesis import HealthCheck, given, settings

from fraudstream_platform.detection import exchange
from fraudstream_platform.detection.cases import CaseTable, window_ms
from fraudstream_platform.detection.patterns import PATTERNS
from fraudstream_platform.detection.rules import RULES, RULES_DIR
from fraudstream_platform.detection.sample import bronze
from fraudstream_platform.detection.step import Detector, StepResult
from fraudstream_tests.faults.compare import differences, unlike_alerts
from fraudstream_tests.faults.expected import FEATURES, Place, Row
from fraudstream_tests.oracle import cases
from fraudstream_tests.oracle.cases import Cases
from fraudstream_tests.oracle.detection import Detection
from fraudstream_tests.oracle.exchange import Exchange
from fraudstream_tests.oracle.features import Oracle
from fraudstream_tests.unit import test_detection_cases as random_cases
from fraudstream_tests.unit.streams import streams
from fraudstream_tests.unit.test_detection_alerts import attacked, attacks

SLOW = [HealthCheck.too_slow]


def compare(rows: list[Row]) -> StepResult:
    """Hold a detector that hears itself against the oracle; what the detector found."""
    found = Detector(quality_threshold=0.0, loops_back=True).step(bronze(rows), "h")
    told, oracle = Exchange(delay=exchange.LOOP_MS), Oracle()
    detection = Detection(RULES_DIR / "default.yaml", RULES.version)
    silver = found.silver.rows(named=True)
    for row in silver:
        told.tell(row)
    features: dict[Place, Row] = {}
    alerts: dict[Place, Row] = {}
    for row in silver:
        place = (row["partition"], row["offset"])
        own = oracle.features(row) | told.features(row)
        beside, alert = detection.judge(row, own)
        features[place] = own | beside
        if alert is not None:
            alerts[place] = alert
    hour = pl.col("append_time").dt.strftime("%Y-%m-%dT%H").alias("hour")
    wrong = differences(FEATURES, features, found.features.with_columns(hour), lambda _: b"")
    assert list(wrong) == []
    raised = {(row["partition"], row["offset"]): row for row in found.alerts.rows(named=True)}
    assert list(unlike_alerts(alerts, raised, to_the_bit=False)) == []
    return found


@settings(max_examples=20, deadline=None, suppress_health_check=SLOW)
@given(streams)
def test_random_streams_are_judged_alike(rows: list[Row]) -> None:
    """Late, repeated, bad, without a customer or a card: whoever it is about, both have to say so."""
    compare(rows)


@settings(max_examples=10, deadline=None, suppress_health_check=SLOW)
@given(attacks)
def test_attacks_are_judged_alike(choices: list[tuple[int, int, int, bool]]) -> None:
    """Cases that open, go on, end and open again, over two partitions."""
    compare(attacked(choices))


def test_the_attacks_have_all_kinds_of_verdicts() -> None:
    """Guards against streams in which there is nothing to agree about."""
    gaps = [1] * 24 + [700] * 6 + [90_000] + [1] * 24
    found = compare(attacked([(n % 2, 0, gap, n % 7 == 0) for n, gap in enumerate(gaps)]))
    assert {"opened", "updated"} == set(found.alerts["case_event"])
    assert found.features["is_suppressed"].sum() > 10
    assert found.alerts["case_id"].n_unique() > 2
    fired = Counter(name for names in found.alerts["patterns"].to_list() for name in names)
    assert len(fired) > 1, fired


@settings(max_examples=100, deadline=None)
@given(random_cases.streams)
def test_cases_agree(stream: list[tuple[int, tuple[Any, ...]]]) -> None:
    """What opens a case, what it hides and what it forgets, to the millisecond."""
    naive, start = Cases(), random_cases.START_MS
    times = list(accumulate((gap for gap, _ in stream), initial=start))[1:]
    verdicts = random_cases.replay(CaseTable(), stream)
    for number, verdict in enumerate(verdicts):
        suspects = stream[number][1]
        offset = random_cases.OFFSETS_A_ROW * number
        place, *said = naive.take(suspects, f"t-{number}", offset, times[number])
        assert suspects[place] == verdict.subject
        assert said == [verdict.case_id, verdict.key, verdict.event]


def test_windows_of_cases_agree() -> None:
    """A case that waits too long hides the next attack."""
    names = [*PATTERNS, "merchant_collusion", "synthetic_identity"]
    assert [cases.window(name) for name in names] == [window_ms(name) for name in names]
