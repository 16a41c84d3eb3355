"""One step: raw records in, held outputs out. Nothing here writes anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from fraudstream_platform.detection.step import Detector
from fraudstream_platform.drain.held import AlertRecord, StepOutput
from fraudstream_platform.drain.ingest import Ingest
from fraudstream_platform.drain.positions import Positions
from fraudstream_platform.drain.registry import SchemaSource
from fraudstream_platform.drain.source import RawBatch
from fraudstream_platform.settings import Settings


class Stepper:
    """Decode, validate, protect, features, patterns, alerts: for the partitions of one group."""

    def __init__(self, settings: Settings, schemas: SchemaSource, hour: str) -> None:
        self.detector = Detector(
            quality_threshold=settings.silver_quality_threshold,
            oldest_event_days=settings.oldest_event_days,
        )
        self._ingest = Ingest(settings, schemas)
        self._encoder = schemas.alert_encoder()
        self._hour = hour

    def step(self, batch: RawBatch, positions: Positions) -> StepOutput:
        """Outputs of `batch`; raises RegistryDownError with nothing changed."""
        arrivals = self._ingest.arrivals(batch)
        result = self.detector.step(arrivals.bronze, self._hour, arrivals.texts)
        return StepOutput(
            positions=dict(positions),
            frames={
                "bronze.transactions": arrivals.bronze,
                "bronze.dead_letter": arrivals.dead_letters,
                "silver.transactions": result.silver,
                "silver.quarantine": result.quarantine,
                "gold.features": result.features,
            },
            alerts=self._encoded(result.alerts),
            seals=arrivals.seals,
            touches=result.touches,
        )

    def _encoded(self, alerts: pl.DataFrame) -> Sequence[AlertRecord]:
        return [
            AlertRecord(
                partition=row["partition"],
                offset=row["offset"],
                key=(row["customer"] or row["card"] or "").encode(),
                value=self._encoder.encode(row),
                sent_at=_epoch_ms(row["sent_at"]),
            )
            for row in alerts.iter_rows(named=True)
        ]


def _epoch_ms(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)
