"""The twin of the rotation's trial: right tokens give no difference, one stranger is found."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from fraudstream_platform.contracts.schemas import IDENTITY_KINDS
from fraudstream_platform.detection.step import Detector
from fraudstream_platform.evaluate.bronze import Topic
from fraudstream_platform.protection.tokens import Tokeniser
from fraudstream_platform.settings import Settings
from fraudstream_platform.simulator.stream import stream
from fraudstream_tests.rotation.sources import STAND_IN
from fraudstream_tests.rotation.twin import Told, alerts_of, compare, renamed_touches, twin_of

pytestmark = pytest.mark.unit

START_MS = 1_763_940_000_000
SETTINGS = Settings(_env_file=None)
OTHER, THIRD = Tokeniser(b"the live run's first key"), Tokeniser(b"the live run's next key", 2)


@pytest.fixture(scope="module")
def sent() -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Records as the twin sees them, and everybody's token in the live run."""
    batches = list(stream(5, 100, 60, tokeniser=STAND_IN, start_ms=START_MS, fraud_rate=0.05))
    originals = [one for batch in batches for one in batch.identities]
    tokens = {one.token: OTHER.token_normalised(one.kind, one.value) for one in originals}
    return [record for batch in batches for record in batch.records()], tokens


def lived(
    records: list[dict[str, Any]], tokens: dict[str, str]
) -> tuple[pl.DataFrame, Told, list[dict[str, Any]]]:
    """Bronze, what was told, and alerts of a run in which everybody has the given tokens."""
    renamed = [
        record | {name: tokens.get(record[name], record[name]) for name in IDENTITY_KINDS}
        for record in records
    ]
    bronze = Topic().append(renamed, ["one partition"] * len(renamed))
    detector = Detector(quality_threshold=SETTINGS.silver_quality_threshold, loops_back=True)
    result = detector.step(bronze, "2025-11-23T23")
    appended = bronze["append_time"].dt.epoch("ms").to_numpy()
    rows = np.searchsorted(bronze["offset"].to_numpy(), result.touches.offset)
    return bronze, Told(result.touches, appended[rows] + 200), result.alerts.rows(named=True)


def twin_alerts(bronze: pl.DataFrame, told: Told, records: list[dict[str, Any]]) -> Any:
    rows = pl.DataFrame(records, infer_schema_length=None).select("transaction_id", *IDENTITY_KINDS)
    twin = twin_of(bronze, rows)
    return alerts_of(SETTINGS, twin, renamed_touches(told, twin)).iter_rows(named=True)


def test_other_tokens_of_the_same_people_give_the_same_alerts(
    sent: tuple[list[dict[str, Any]], dict[str, str]],
) -> None:
    """A twin that differs by itself would fail every rotation, or teach people to look away."""
    records, tokens = sent
    bronze, told, alerts = lived(records, tokens)
    found = compare(alerts, twin_alerts(bronze, told, records))
    assert found.is_same, found
    assert found.live > 20


def test_people_who_become_strangers_in_mid_attack_are_found(
    sent: tuple[list[dict[str, Any]], dict[str, str]],
) -> None:
    """What the trial is for: an alert that was missed because a token changed."""
    records, tokens = sent
    half = len(records) // 2
    later = {one: THIRD.token_normalised("card", one) for one in tokens}
    changed = [
        record | {name: tokens[record[name]] for name in IDENTITY_KINDS if record[name]}
        for record in records[:half]
    ] + [
        record | {name: later[record[name]] for name in IDENTITY_KINDS if record[name]}
        for record in records[half:]
    ]
    bronze, told, alerts = lived(changed, {})
    found = compare(alerts, twin_alerts(bronze, told, records))
    assert found.missed or found.unlike
