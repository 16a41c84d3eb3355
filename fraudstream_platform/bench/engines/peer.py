"""What every peer does alike: the step, and its alerts to the topic."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from confluent_kafka import Producer

from fraudstream_platform.drain.held import AlertRecord
from fraudstream_platform.drain.kafka import plain_producer
from fraudstream_platform.drain.registry import SchemaSource
from fraudstream_platform.drain.source import RawBatch
from fraudstream_platform.drain.stepper import Stepper
from fraudstream_platform.settings import Settings


class Work:
    """The drain's own step with nothing around it; `progress` says how many records are stepped."""

    def __init__(self, settings: Settings, progress: Path) -> None:
        """Ask the registry for the schemas; kernels should be warm."""
        self._progress = progress
        self._stepped = 0
        hour = datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H")
        self._stepper = Stepper(settings, SchemaSource(settings), hour)

    def alerts(self, batch: RawBatch) -> Sequence[AlertRecord]:
        """Step `batch`: its alerts, encoded."""
        if not len(batch):
            return ()
        alerts = self._stepper.step(batch, {}).alerts
        self._stepped += len(batch)
        self._progress.write_text(str(self._stepped))
        return alerts


class Peer:
    """The step and a producer of its own; alerts are sent as soon as they are made."""

    def __init__(self, settings: Settings, progress: Path) -> None:
        self._topic = settings.fraud_alerts_topic
        self._work = Work(settings, progress)
        self._producer: Producer = plain_producer(settings, **{"linger.ms": 0})

    def step(self, batch: RawBatch) -> None:
        """Step `batch` and send its alerts."""
        for alert in self._work.alerts(batch):
            self._producer.produce(self._topic, alert.value, alert.key)
        self._producer.poll(0)

    def flush(self) -> None:
        """Wait until the broker has all that was sent."""
        self._producer.flush()
