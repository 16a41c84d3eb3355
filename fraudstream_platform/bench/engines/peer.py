"""What every peer does alike: the step, and its alerts to the topic."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from confluent_kafka import Producer

from fraudstream_platform.drain.held import StepOutput
from fraudstream_platform.drain.kafka import plain_producer
from fraudstream_platform.drain.registry import SchemaSource
from fraudstream_platform.drain.source import RawBatch
from fraudstream_platform.drain.stepper import Stepper
from fraudstream_platform.settings import Settings


class Peer:
    """The drain's own step with nothing around it; alerts are sent as soon as they are made."""

    def __init__(self, settings: Settings) -> None:
        """Ask the registry for the schemas; kernels should be warm."""
        hour = datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H")
        self._topic = settings.fraud_alerts_topic
        self._stepper = Stepper(settings, SchemaSource(settings), hour)
        self._producer: Producer = plain_producer(settings, **{"linger.ms": 0})

    def step(self, batch: RawBatch) -> None:
        """Step `batch` and send its alerts."""
        if len(batch):
            self._send(self._stepper.step(batch, {}))

    def flush(self) -> None:
        """Wait until the broker has all that was sent."""
        self._producer.flush()

    def _send(self, output: StepOutput) -> None:
        for alert in output.alerts:
            self._producer.produce(self._topic, alert.value, alert.key)
        self._producer.poll(0)
