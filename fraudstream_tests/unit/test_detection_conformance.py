"""What every pattern and every feature must keep, whichever it is."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from fraudstream_platform.contracts.texts import Texts
from fraudstream_platform.detection.alerts import alert_id
from fraudstream_platform.detection.batch import Batch
from fraudstream_platform.detection.catalogue import FEATURES, REALS
from fraudstream_platform.detection.catalogue_docs import features_page
from fraudstream_platform.detection.hashing import fnv1a, hash_texts
from fraudstream_platform.detection.patterns import PATTERNS
from fraudstream_platform.detection.rules import RULES
from fraudstream_platform.detection.sample import sample_bronze
from fraudstream_platform.detection.scoring import action, score_batch, severity
from fraudstream_tests.unit.pattern_batches import KINDS, one_row, part_of, random_batch

DOCS = Path(__file__).resolve().parents[2] / "docs"
ENTITIES = {"card", "customer", "instrument", "merchant", "bin_merchant", "device", "ipnet"}


def documented_codes() -> dict[str, list[str]]:
    """Reason codes of docs/patterns.md by pattern: rows `| CT01 |` under a heading `## ... (name)`."""
    codes: dict[str, list[str]] = {}
    heading = ""
    for line in (DOCS / "patterns.md").read_text().splitlines():
        if found := re.match(r"## .*\(`(\w+)`\)", line):
            heading = found.group(1)
        elif found := re.match(r"\| `([A-Z]{2}\d\d)` \|", line):
            codes.setdefault(heading, []).append(found.group(1))
    return codes


@pytest.mark.parametrize("name", PATTERNS)
def test_signals_are_shares_and_repeatable(name: str) -> None:
    """A NaN or a signal above 1 would make noisy-or meaningless."""
    pattern = PATTERNS[name]
    signal = pattern.signal(random_batch(400), RULES)
    assert signal.shape == (400,)
    assert np.all((signal >= 0) & (signal <= 1))
    assert np.array_equal(signal, pattern.signal(random_batch(400), RULES))
    assert pattern.signal(random_batch(0), RULES).shape == (0,)


@pytest.mark.parametrize("name", PATTERNS)
def test_a_signal_depends_on_its_own_row_only(name: str) -> None:
    """Else a cut of the stream into steps would change scores."""
    batch = random_batch(100)
    whole = PATTERNS[name].signal(batch, RULES)
    parts = [slice(0, 1), slice(1, 40), slice(40, 40), slice(40, 100)]
    cut = [PATTERNS[name].signal(part_of(batch, part), RULES) for part in parts]
    assert np.array_equal(np.concatenate(cut), whole)


@pytest.mark.parametrize("name", PATTERNS)
def test_what_is_unknown_is_never_evidence(name: str) -> None:
    """Sources leave fields out: their cardholders must not be suspects for it."""
    batch = random_batch(600, seed=3)
    before = PATTERNS[name].signal(batch, RULES)
    for column in range(len(REALS)):
        reals = batch.reals.copy()
        reals[:, column] = np.nan
        after = PATTERNS[name].signal(Batch(batch.events, batch.integers, reals), RULES)
        assert np.all(after <= before), REALS[column].name


@pytest.mark.parametrize("name", PATTERNS)
def test_a_first_transaction_of_which_nothing_is_known_has_no_signal(name: str) -> None:
    """At a cold start everybody is new."""
    for kind in KINDS:
        assert PATTERNS[name].signal(one_row({}, **kind), RULES)[0] == 0.0


@pytest.mark.parametrize("name", PATTERNS)
def test_reasons_read_well_wherever_the_pattern_fires(name: str) -> None:
    """An analyst acts on the reason: it has a documented code, numbers, and no 'nan'."""
    batch = random_batch(6_000, seed=2)
    fired = np.flatnonzero(PATTERNS[name].signal(batch, RULES))
    assert fired.size
    told = set()
    for row in fired[:1_000]:
        for reason in PATTERNS[name].reasons(batch, int(row), RULES):
            told.add(reason.code)
            assert re.search(r"\d", reason.text)
            assert "nan" not in reason.text.split()
            assert np.isfinite(reason.value)
            assert reason.entity in ENTITIES
    assert told == set(documented_codes()[name])


def test_reason_codes_are_documented_once() -> None:
    """A code with two meanings would send an analyst the wrong way."""
    codes = documented_codes()
    listed = [code for of_pattern in codes.values() for code in of_pattern]
    assert set(codes) >= set(PATTERNS)
    assert len(set(listed)) == len(listed)


def test_feature_names_are_unique_and_the_page_is_up_to_date() -> None:
    """Two features of one name would overwrite each other's column."""
    assert len({feature.name for feature in FEATURES}) == len(FEATURES)
    assert (DOCS / "features.md").read_text() == features_page()


def test_alert_ids_are_stable() -> None:
    """Recomputed after a crash, an alert must be the same alert."""
    assert alert_id("t-1", "v") == alert_id("t-1", "v") != alert_id("t-1", "w")


def test_kernel_hash_is_fnv1a() -> None:
    """Hashes stand in snapshots, so they may not follow a library's version."""
    frame = sample_bronze(3).with_columns(customer=pl.lit(None, pl.String))
    hashes = hash_texts(Texts.of(frame), ("transaction_id", "customer"))
    assert hashes["transaction_id"].tolist() == [fnv1a(f"t-{i}") for i in range(3)]
    assert hashes["customer"].tolist() == [0, 0, 0]
    assert int(fnv1a("a")) == 0xAF63DC4C8601EC8C  # from the reference implementation
    assert hash_texts(Texts.of(frame[1:2]), ("transaction_id",))["transaction_id"][0] == fnv1a(
        "t-1"
    )


def test_a_null_hashes_to_0_whatever_lies_in_its_place() -> None:
    """A null read back from Parquet may keep bytes: all cards without a wallet were one wallet."""
    ends = np.array([0, 30, 60, 60], np.int64)
    buffers = [bytes([0b001]), ends.tobytes(), b"a" * 60]
    array = pa.LargeStringArray.from_buffers(3, *map(pa.py_buffer, (*buffers[1:], buffers[0])), 2)
    frame = pl.DataFrame({"device_pan": pl.from_arrow(array)})
    assert frame["device_pan"].to_list() == ["a" * 30, None, None]
    assert hash_texts(Texts.of(frame), ["device_pan"])["device_pan"].tolist() == [
        fnv1a("a" * 30),
        0,
        0,
    ]


def test_scores_grow_with_independent_evidence() -> None:
    """Two families together weigh more than each alone, and never beyond 1000."""
    batch = random_batch(400)
    scores = score_batch(batch, RULES)
    strongest = np.max(np.stack(list(scores.signals.values())), axis=0)
    assert np.all(scores.score >= np.floor(1000 * strongest + 0.5))
    assert np.all(scores.score <= 1000)
    assert [action(s, RULES) for s in (0, 599, 600, 849, 850)] == [
        "allow", "allow", "review", "review", "block",
    ]  # fmt: skip
    assert [severity(s, RULES) for s in (599, 600, 850, 925)] == [
        "low", "medium", "high", "critical",
    ]  # fmt: skip
