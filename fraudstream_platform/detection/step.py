"""The step: Bronze rows in, Silver, quarantine, features and alerts out.

A pure function of (state, rows): no clock, no randomness, no I/O. Any cut of the stream into
steps gives the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from fraudstream_platform.contracts.tables import QUARANTINE_SCHEMA, SILVER_SCHEMA
from fraudstream_platform.contracts.texts import Texts
from fraudstream_platform.contracts.validation import (
    OLDEST_EVENT_DAYS,
    TEXT_COLUMNS,
    Verdict,
    judge,
)
from fraudstream_platform.detection.alerts import Raised, raise_alerts
from fraudstream_platform.detection.batch import Batch
from fraudstream_platform.detection.cases import CaseTable
from fraudstream_platform.detection.catalogue import (
    INTEGERS,
    REALS,
    Feature,
    catalogue_version,
)
from fraudstream_platform.detection.events import HASHED, read_events
from fraudstream_platform.detection.exchange import Exchange
from fraudstream_platform.detection.exchange_touches import NO_TOUCHES, TOUCH_HASHED, Touches
from fraudstream_platform.detection.hashing import hash_texts
from fraudstream_platform.detection.rules import RULES, RuleSet
from fraudstream_platform.detection.scoring import score_batch
from fraudstream_platform.detection.state import PartitionState

DUPLICATE = "duplicate_transaction_id"
POOR = "quality_below_threshold"
HELD = "source_breaker_open"

_COPIED = [
    "partition", "offset", "append_time", "event_time", "transaction_id", "customer", "card",
    "merchant_id",
]  # fmt: skip


_HASHED = tuple(dict.fromkeys((*HASHED, *TOUCH_HASHED)))
_SILVER = SILVER_SCHEMA.names()
_QUARANTINE = QUARANTINE_SCHEMA.names()
_NO_QUARANTINE = pl.DataFrame(schema=QUARANTINE_SCHEMA)


@dataclass(frozen=True)
class StepResult:
    """What a step makes of its rows; every frame keeps the order of the rows it came from."""

    silver: pl.DataFrame
    quarantine: pl.DataFrame
    features: pl.DataFrame
    alerts: pl.DataFrame
    touches: Touches = NO_TOUCHES
    """What the other tasks are to be told."""


class Detector:
    """Steps rows through validation, duplicates, features, patterns and scoring.

    What crosses partitions comes by `exchange`; with `loops_back` it comes from the detector's own
    rows, as where it has all partitions.
    """

    def __init__(
        self,
        *,
        rules: RuleSet = RULES,
        quality_threshold: float,
        oldest_event_days: int = OLDEST_EVENT_DAYS,
        loops_back: bool = False,
    ) -> None:
        self.exchange = Exchange(loops_back=loops_back)
        self._rules = rules
        self._threshold = quality_threshold
        self._oldest_event_days = oldest_event_days
        self._states: dict[int, PartitionState] = {}

    def step(self, bronze: pl.DataFrame, hour: str, texts: Texts | None = None) -> StepResult:
        """Process `BRONZE_SCHEMA` rows, each partition's in offset order; `hour` is the alerts'.

        `texts` are those of the rows, where the caller has them.
        """
        texts = texts or Texts.of(bronze, TEXT_COLUMNS)
        hashes = hash_texts(texts, _HASHED)
        silver, quarantine, good = self._sort_out(bronze, texts, hashes["transaction_id"])
        if quarantine.height:
            hashes = {name: column[good] for name, column in hashes.items()}
        events = read_events(silver, hashes)
        # Columns for polars, rows for the kernels. One row would be contiguous both ways, another
        # type to numba, hence at least two.
        height = max(2, silver.height)
        integers = np.zeros((height, len(INTEGERS)), np.int64, order="F")
        reals = np.full((height, len(REALS)), np.nan, order="F")
        for partition, rows in _by_partition(events.partition):
            self._state(partition).advance(rows, events, integers, reals)
        appended = silver.get_column("append_time").to_numpy(writable=True).view(np.int64)
        touches = self.exchange.attend(events, hashes, appended, integers, reals)
        batch = Batch(events, integers[: silver.height], reals[: silver.height])
        scores = score_batch(batch, self._rules)
        raised = raise_alerts(silver, batch, scores, self._rules, hour, self._cases)
        features = self._features(silver, batch, scores.score, raised)
        return StepResult(silver, quarantine, features, raised.alerts, touches)

    def export_state(self, partition: int) -> dict[str, NDArray[Any]]:
        """Copies of the partition's state, as plain arrays."""
        return self._state(partition).dump()

    def import_state(self, partition: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Replace the partition's state by what `export_state` gave."""
        state = PartitionState()
        state.load(arrays)
        self._states[partition] = state

    def _state(self, partition: int) -> PartitionState:
        state = self._states.get(partition)
        if state is None:
            state = self._states[partition] = PartitionState()
        return state

    def _cases(self, partition: int) -> CaseTable:
        return self._state(partition).cases

    def _sort_out(
        self, bronze: pl.DataFrame, texts: Texts, keys: NDArray[np.uint64]
    ) -> tuple[pl.DataFrame, pl.DataFrame, NDArray[np.bool_]]:
        verdict = judge(bronze, self._oldest_event_days, texts)
        poor = verdict.quality_score < self._threshold
        failed = {row: list(names) for row, names in verdict.failed.items()}
        held = np.zeros(bronze.height, np.bool_)
        duplicate = np.zeros(bronze.height, np.bool_)
        sources = verdict.source
        partitions = _by_partition(bronze.get_column("partition").to_numpy(writable=True))
        for partition, rows in partitions:
            self._state(partition).breaker.hold(
                rows, sources, verdict.quality_score, self._threshold, held
            )
        clean = ~(poor | held)
        clean[list(failed)] = False
        offsets = bronze.get_column("offset").to_numpy(writable=True)
        for partition, rows in partitions:
            self._state(partition).seen.mark(rows, keys, offsets, clean, duplicate)
        for found, rule in ((duplicate, DUPLICATE), (poor, POOR), (held, HELD)):
            for row in np.flatnonzero(found).tolist():
                failed.setdefault(row, []).append(rule)
        for row in np.flatnonzero(poor).tolist():
            failed[row] += verdict.blemishes(row)
        return _split(bronze, verdict, failed)

    def _features(
        self, silver: pl.DataFrame, batch: Batch, score: NDArray[np.int32], raised: Raised
    ) -> pl.DataFrame:
        height = silver.height
        columns = [pl.Series("score", score), raised.case_id, raised.is_suppressed]
        for name, value in (
            ("rules_version", self._rules.version),
            ("catalogue_version", catalogue_version()),
        ):
            columns.append(pl.Series(name, [value]).new_from_index(0, height))
        columns += _series(batch.integers, INTEGERS) + _series(batch.reals, REALS)
        return silver[_COPIED].hstack(columns)


def _series(values: NDArray[Any], features: Sequence[Feature]) -> list[pl.Series]:
    """Columns of `values` (rows x features) as series; NaN is null.

    They are converted as one long column and cut: a column by itself costs a small step 8 us.
    """
    rows = values.shape[0]
    flat = cast(pl.Series, pl.from_arrow(pa.array(values.ravel(order="F"), from_pandas=True)))
    return [
        flat.slice(place * rows, rows).alias(feature.name)
        for place, feature in enumerate(features)
    ]  # fmt: skip


def _by_partition(partitions: NDArray[Any]) -> list[tuple[int, NDArray[np.int64]]]:
    return [
        (int(partition), np.flatnonzero(partitions == partition))
        for partition in np.unique(partitions)
    ]


def _split(
    bronze: pl.DataFrame, verdict: Verdict, failed: dict[int, list[str]]
) -> tuple[pl.DataFrame, pl.DataFrame, NDArray[np.bool_]]:
    silver = bronze.hstack([pl.Series("quality_score", verdict.quality_score)])[_SILVER]
    good = np.ones(bronze.height, np.bool_)
    if not failed:
        return silver, _NO_QUARANTINE, good
    rows = sorted(failed)
    good[rows] = False
    names = pl.Series("failed_rules", [failed[row] for row in rows], dtype=pl.List(pl.String))
    quarantine = silver[rows].hstack([names]).select(_QUARANTINE)
    return silver.filter(good), quarantine, good


def warm_up() -> None:
    """Compile or load every kernel and lazy import, by stepping one made-up row."""
    from fraudstream_platform.detection.sample import sample_bronze

    detector = Detector(quality_threshold=0.0, loops_back=True)
    detector.step(sample_bronze(8), "1970-01-01T00")
    detector.import_state(0, detector.export_state(0))
    detector.exchange.load(detector.exchange.dump())
