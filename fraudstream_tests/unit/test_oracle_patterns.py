"""The naive patterns beside the engine's, on features near the numbers that decide."""

from __future__ import annotations

import ast
import math
import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
import yaml

from fraudstream_platform.detection.batch import Batch
from fraudstream_platform.detection.catalogue import FEATURES, INTEGERS, REALS
from fraudstream_platform.detection.patterns import PATTERNS
from fraudstream_platform.detection.rules import RULES, RULES_DIR
from fraudstream_platform.detection.sample import sample_row, token
from fraudstream_platform.settings import PROJECT_ROOT
from fraudstream_tests.oracle import patterns
from fraudstream_tests.oracle.transaction import Transaction
from fraudstream_tests.unit.pattern_batches import REFUSED, REMOTE, events_of
from fraudstream_tests.unit.test_detection_conformance import documented_codes

ROWS = 6_000
SECTIONS: dict[str, Any] = yaml.safe_load((RULES_DIR / "default.yaml").read_text())
KINDS: tuple[dict[str, Any], ...] = (
    {**REMOTE, "credit_limit_minor": 200_000},
    {**REMOTE, **REFUSED, "billing_amount_minor": 100},
    {**REMOTE, "message_type": "VERIFY", "billing_amount_minor": 0},
    {**REMOTE, "outcome": "declined_issuer", "response_code": "51"},
    {"entry_mode": "magstripe", "credit_limit_minor": 40_000, "customer": None},
    {"entry_mode": "wallet", "device_pan": token("ca", 9), "credit_limit_minor": 200_000},
    {"outcome": "declined_issuer", "response_code": "61", "mcc": "5732"},
    {"initiator": "MIT", **REMOTE},
    {"mcc": "5541"},
)
RANGES = {
    "count": (0, 14), "minor": (0, 20_000), "s": (0, 9_000), "1/h": (0.01, 0.4),
    "-log10": (0, 9), "sd": (-0.5, 3), "ratio": (0, 3), "share": (-0.3, 1), "days": (0, 25),
    "h": (0, 90), "km": (0, 1_500), "km/h": (0, 5_000), "d": (0, 900),
}  # fmt: skip


def random_features(chance: random.Random) -> dict[str, float | None]:
    """Values of every feature, half of the yes-or-no ones yes, some 0 or unknown."""
    found: dict[str, float | None] = {}
    for feature in FEATURES:
        if feature.unit == "0/1":
            found[feature.name] = chance.choice((0.0, 1.0, 1.0, None))
        elif feature.is_integer:
            low, high = RANGES[feature.unit]
            found[feature.name] = chance.choice((0, 1, 1)) * chance.randint(int(low), int(high))
        else:
            unknown = chance.random() < 0.1 and feature.unit != "1/h"
            found[feature.name] = None if unknown else chance.uniform(*RANGES[feature.unit])
    for account in ("card", "customer"):  # as the definitions make them
        run = found[f"{account}_rising_run_1h"] or 0
        found[f"{account}_rising_run_10m"] = min(run, found[f"{account}_rising_run_10m"] or 0)
        found[f"{account}_amounts_1h"] = max(run, found[f"{account}_amounts_1h"] or 0)
        hour = found[f"{account}_n_1h"] or 0
        found[f"{account}_n_10m"] = min(hour, found[f"{account}_n_10m"] or 0)
        purchases = hour if chance.random() < 0.5 else found[f"{account}_purchases_40m"] or 0
        found[f"{account}_purchases_40m"] = min(hour, purchases)
        found[f"{account}_n_30d"] = (found[f"{account}_n_30d"] or 0) + chance.randint(0, 30)
    trip = [name for name in found if name.startswith("instrument_")]
    if None in [found[name] for name in trip]:
        found |= dict.fromkeys(trip)
    return found


@pytest.fixture(scope="module")
def drawn() -> tuple[Batch, list[Transaction]]:
    chance = random.Random(7)
    rows, features = [], []
    for number in range(ROWS):
        amount = {"billing_amount_minor": chance.randrange(20_000)}
        rows.append(sample_row(number, **{**amount, **KINDS[number % len(KINDS)]}))
        features.append(random_features(chance))
    integers = np.array([[f[i.name] for i in INTEGERS] for f in features], np.int64)
    reals = np.array([[f[r.name] for r in REALS] for f in features], np.float64)
    blank = {"device_pan": None}
    judged = [Transaction(blank | r, f) for r, f in zip(rows, features, strict=True)]
    return Batch(events_of(rows), integers, reals), judged


@pytest.mark.parametrize("name", PATTERNS)
def test_signals_and_reasons_agree(name: str, drawn: tuple[Batch, list[Transaction]]) -> None:
    """A condition that one of the two has wrong would fail a trial, or hide an attack."""
    batch, judged = drawn
    signal = PATTERNS[name].signal(batch, RULES)
    codes: Counter[str] = Counter()
    family, pattern = patterns.PATTERNS[name]
    assert family == PATTERNS[name].family
    for row, one in enumerate(judged):
        found = pattern(one, SECTIONS[name])
        assert math.isclose(found.signal, signal[row], rel_tol=1e-12), f"row {row}"
        if found.signal:
            (reason,) = PATTERNS[name].reasons(batch, row, RULES)
            want = (found.code, found.window_s, found.entity)
            assert (reason.code, reason.window_s, reason.entity) == want, f"row {row}"
            assert alike(reason.value, found.value) and alike(reason.usual, found.usual), reason
            codes[found.code] += 1
    assert sorted(codes) == documented_codes()[name]
    assert min(codes.values()) >= 10, codes


def alike(one: float | None, other: float | None) -> bool:
    """Up to the last digits."""
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=1e-12)


def test_the_oracle_imports_nothing_of_the_engine() -> None:
    """Two that share a function share its mistakes."""
    tests = PROJECT_ROOT / "fraudstream_tests"
    files = sorted((tests / "oracle").rglob("*.py"))
    assert len(files) > 10
    its_own = ("fraudstream_tests.oracle.", "fraudstream_tests.faults.rules")
    for file in (*files, tests / "faults" / "expected.py", tests / "faults" / "rules.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [one.name for one in node.names] if isinstance(node, ast.Import) else []
            ours = [name for name in names if name.startswith("fraudstream")]
            assert all(name.startswith(its_own) for name in ours), (file, ours)
