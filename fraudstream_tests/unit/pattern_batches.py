"""Batches for tests of patterns: random ones that every pattern must stand, and chosen ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from fraudstream_platform.contracts.texts import Texts
from fraudstream_platform.detection.batch import Batch
from fraudstream_platform.detection.catalogue import INTEGERS, REALS
from fraudstream_platform.detection.events import HASHED, Events, read_events
from fraudstream_platform.detection.hashing import hash_texts
from fraudstream_platform.detection.sample import bronze, sample_row

REMOTE = {"entry_mode": "ecom", "channel": "ECOM", "source": "ONLINE", "latitude": None}
REFUSED = {"outcome": "declined_data", "response_code": "14"}
KINDS: tuple[dict[str, Any], ...] = (
    {**REMOTE},
    {**REMOTE, **REFUSED, "billing_amount_minor": 100},
    {**REMOTE, "message_type": "VERIFY", "billing_amount_minor": 0},
    {"entry_mode": "magstripe"},
    {"mcc": "5541"},
    {"credit_limit_minor": 200_000, "open_to_buy_minor": 50_000},
    {"initiator": "MIT", **REMOTE},
)
"""Kinds of transactions in turn."""


def events_of(rows: list[dict[str, Any]]) -> Events:
    """Events of Bronze rows."""
    frame = bronze(rows)
    return read_events(frame, hash_texts(Texts.of(frame), HASHED))


def random_batch(rows: int, seed: int = 1) -> Batch:
    """Random values of every feature, in its unit's range; many are 0 or unknown."""
    chance = np.random.default_rng(seed)
    integers = chance.integers(0, 40, (rows, len(INTEGERS)))
    integers[chance.random(integers.shape) < 0.4] = 0
    money = [column for column, feature in enumerate(INTEGERS) if feature.unit == "minor"]
    integers[:, money] *= 5_000
    reals = 10.0 ** chance.uniform(-1, 4, (rows, len(REALS)))
    for column, feature in enumerate(REALS):
        if feature.unit == "0/1":
            reals[:, column] = chance.integers(0, 2, rows)
        elif feature.unit == "share":
            reals[:, column] = chance.random(rows)
        elif feature.unit == "ratio":
            reals[:, column] = 10.0 ** chance.uniform(-1, 1, rows)
    unknown = chance.random(reals.shape) < 0.3
    at = {feature.name: column for column, feature in enumerate(REALS)}
    for account in ("card", "customer"):  # every account has a usual rate
        unknown[:, at[f"{account}_expected_per_hour"]] = False
    trip = [at[name] for name in at if name.startswith("instrument_")]
    unknown[:, trip] = unknown[:, trip[:1]]  # known together
    reals[unknown] = np.nan
    kinds = [sample_row(i, **KINDS[i % len(KINDS)]) for i in range(rows)]
    return Batch(events_of(kinds), integers, reals)


def part_of(batch: Batch, rows: slice) -> Batch:
    """Some rows of a random batch as a batch of their own."""
    count = batch.rows
    kinds = [sample_row(i, **KINDS[i % len(KINDS)]) for i in range(count)]
    return Batch(events_of(kinds[rows]), batch.integers[rows], batch.reals[rows])


def one_row(features: dict[str, float], **changes: Any) -> Batch:
    """One transaction (`changes` from the sample) with these features, the others 0 or unknown."""
    integers = np.zeros((1, len(INTEGERS)), np.int64)
    reals = np.full((1, len(REALS)), np.nan)
    places: dict[str, tuple[Any, int]] = {f.name: (integers, i) for i, f in enumerate(INTEGERS)}
    places |= {f.name: (reals, i) for i, f in enumerate(REALS)}
    for name, value in features.items():
        array, column = places[name]
        array[0, column] = value
    return Batch(events_of([sample_row(0, **changes)]), integers, reals)
