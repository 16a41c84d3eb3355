"""Runs one world through the step that the tasks run, and keeps what the figures need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fraudstream_platform.detection.step import Detector, StepResult
from fraudstream_platform.evaluate.bronze import Topic
from fraudstream_platform.evaluate.changes import change_of
from fraudstream_platform.evaluate.findings import DatedFinding, Finder, no_findings
from fraudstream_platform.evaluate.metrics.deadlines import REFRESH_MS
from fraudstream_platform.evaluate.observed import Numbers, Observed, Raised, Rows, Told, Truth
from fraudstream_platform.evaluate.sampling import Sampler
from fraudstream_platform.evaluate.worlds import World
from fraudstream_platform.network.news import Told as ToldGroup
from fraudstream_platform.network.news import news_of
from fraudstream_platform.protection.tokens import Tokeniser
from fraudstream_platform.settings import Settings
from fraudstream_platform.simulator.places import MINOR_PER_EURO_CENT
from fraudstream_platform.simulator.stream import Batch, Stream

_SPENDING = ("AUTH", "PREAUTH", "INCREMENT", "ADVICE")
_SHARED = ("merchant", "bin_merchant", "device", "ipnet")
"""Entities whose cases bother no cardholder."""
_THRESHOLD = float(Settings.model_fields["silver_quality_threshold"].default)
_LARGEST_OFFSET_BITS = 40
_REMEMBERED_MS = 45 * 86_400_000
"""Silver that groups are sought in."""


class Observer:
    """Steps a world's batches; `observed` has the whole at the end."""

    def __init__(
        self, world: World, find: Finder = no_findings, sampler: Sampler | None = None
    ) -> None:
        self._detector = Detector(quality_threshold=_THRESHOLD, loops_back=True)
        self._topic, self._change = Topic(), change_of(world)
        self._find, self._sampler = find, sampler
        self._columns: list[tuple[NDArray[Any], ...]] = []
        self._count = 0
        self._accounts, self._cards, self._merchants = Numbers(), Numbers(), Numbers()
        self._cases = Numbers()
        self._raised: list[Raised] = []
        self._truth = Truth()
        self._row_of: dict[str, int] = {}
        self._silver: list[pl.DataFrame] = []
        self._findings: list[DatedFinding] = []
        self._told: dict[str, ToldGroup] = {}
        self._refreshes: list[int] = []
        self._refresh_ms = world.config.start_ms + REFRESH_MS

    def step(self, batch: Batch) -> None:
        """Step a batch and keep what it gave."""
        records = batch.records()
        self._change(records)
        bronze = self._topic.append(records, batch.keys())
        result = self._detector.step(bronze, "1970-01-01T00")
        keys = _keys(bronze)
        order = np.argsort(keys)
        keys = keys[order]
        silver = order[np.searchsorted(keys, _keys(result.silver))]
        account = self._keep(bronze, result, silver)
        alerted = order[np.searchsorted(keys, _keys(result.alerts))]
        self._raised += self._read_alerts(result.alerts, alerted + self._count)
        self._keep_truth(batch)
        if self._sampler is not None:
            self._sampler.take(batch, records, result.features, silver, account, self._count)
        if self._find is not no_findings:
            self._refresh(result.silver)
        self._count += bronze.height

    def observed(self) -> Observed:
        """Everything; call it once all batches are stepped."""
        columns = [np.concatenate(parts) for parts in zip(*self._columns, strict=True)]
        return Observed(
            Rows(*columns), self._raised, self._truth, self._findings, self._refreshes,
            self._accounts, self._merchants,
        )  # fmt: skip

    def _keep(
        self, bronze: pl.DataFrame, result: StepResult, silver: NDArray[np.int64]
    ) -> NDArray[np.int32]:
        score = np.zeros(bronze.height, np.int16)
        score[silver] = result.features.get_column("score").to_numpy()
        case = np.full(bronze.height, -1, np.int32)
        case[silver] = self._cases.column(result.features.get_column("case_id"))
        who = bronze.select(pl.coalesce("customer", "card")).to_series()
        account = self._accounts.column(who)
        self._columns.append(
            (
                bronze.get_column("event_time").cast(pl.Int64).to_numpy(),
                bronze.select(_euro_cents()).to_series().to_numpy(),
                score,
                account,
                self._cards.column(bronze.get_column("card")),
                self._merchants.column(bronze.get_column("merchant_id")),
                case,
            )
        )
        return account

    def _read_alerts(self, alerts: pl.DataFrame, rows: NDArray[np.int64]) -> list[Raised]:
        """Alerts with their cases; the key of a case is family:entity:token."""
        kept = alerts.select("case_id", "case_key", "patterns").iter_rows()
        return [
            Raised(row, self._cases.of(case), tuple(patterns), key.split(":")[1] not in _SHARED)
            for row, (case, key, patterns) in zip(rows.tolist(), kept, strict=True)
        ]

    def _keep_truth(self, batch: Batch) -> None:
        for place, (sent, is_in) in enumerate(
            zip(batch.transactions, batch.in_attack, strict=True)
        ):
            if is_in:
                self._row_of[sent.transaction_id] = self._count + place
        for attack in batch.attacks:
            if attack.transaction_ids:
                rows = np.array([self._row_of[one] for one in attack.transaction_ids], np.int64)
                self._truth.attacks.append(attack)
                self._truth.rows.append(rows)
        for one in batch.look_alikes:
            number = self._accounts.of(one.customer or one.card)
            self._truth.look_alikes.append(Told(one.kind, number, one.at_ms))

    def _refresh(self, silver: pl.DataFrame) -> None:
        """Look for groups once in a while; what is news is decided as it is live."""
        self._silver.append(silver)
        newest: Any = silver.get_column("event_time").cast(pl.Int64).max() or 0
        if newest < self._refresh_ms:
            return
        self._refresh_ms = newest - newest % REFRESH_MS + REFRESH_MS
        since = pl.lit(newest - _REMEMBERED_MS).cast(pl.Datetime("ms", "UTC"))
        self._silver = [pl.concat(self._silver).filter(pl.col("event_time") >= since)]
        self._refreshes.append(int(newest))
        news = news_of(self._find(self._silver[0]), list(self._told.values()), int(newest))
        self._findings += [DatedFinding(finding, int(newest)) for finding in news.findings]
        self._told |= {record.key: record for record in news.records}


def _keys(frame: pl.DataFrame) -> NDArray[np.int64]:
    """Partition and offset as one number."""
    partition: NDArray[np.int64] = frame.get_column("partition").to_numpy().astype(np.int64)
    offset: NDArray[np.int64] = frame.get_column("offset").to_numpy()
    return (partition << _LARGEST_OFFSET_BITS) + offset


def _euro_cents() -> pl.Expr:
    """What was spent, in euro cents: the amount is in the merchant's currency, always known."""
    rate = pl.col("currency").replace_strict(
        MINOR_PER_EURO_CENT, default=1.0, return_dtype=pl.Float64()
    )
    spent = (pl.col("outcome") == "approved") & pl.col("message_type").is_in(_SPENDING)
    return pl.when(spent).then(pl.col("amount_minor") / rate).otherwise(0.0).alias("cents")


def observe(
    world: World,
    on_rows: Callable[[int], None],
    find: Finder = no_findings,
    sampler: Sampler | None = None,
) -> Observed:
    """Run a world to its end; `on_rows` hears how many more rows are through."""
    observer = Observer(world, find, sampler)
    # Tokens only have to differ; the key is no secret here and makes a world the same everywhere.
    tokeniser = Tokeniser(f"evaluation-of-seed-{world.seed:06d}".encode())
    for batch in Stream(world.config, tokeniser).batches():
        observer.step(batch)
        on_rows(len(batch.transactions))
    return observer.observed()
