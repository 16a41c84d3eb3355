"""A group's stream: the raw partitions, the state that has seen them, and what is held of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from confluent_kafka import KafkaException

from fraudstream_platform.drain.assignment import Assignment
from fraudstream_platform.drain.entities import Entities
from fraudstream_platform.drain.held import Held
from fraudstream_platform.drain.positions import Positions, group_partitions
from fraudstream_platform.drain.registry import RegistryDownError, SchemaSource
from fraudstream_platform.drain.resume import Standing
from fraudstream_platform.drain.snapshot import restore
from fraudstream_platform.drain.source import MAX_BATCH, RawBatch, RawSource, beginnings
from fraudstream_platform.drain.stepper import Stepper
from fraudstream_platform.settings import Settings

log = logging.getLogger(__name__)
T = TypeVar("T")

_REST_FACTOR = 1.0
_MOST_REST_S = 0.05
"""After a step the log gathers for as long again, at most this long: a step costs about the same
for 20 records as for 200, and on a busy machine, where steps are slow, there shall be fewer."""
MAX_HELD_ROWS = 4_000_000
"""Rows held while the disk refuses them; beyond this the log is not read on."""


class Stream:
    """Steps a group's records from where a standing lets it resume."""

    def __init__(
        self, settings: Settings, assignment: Assignment, standing: Standing | None
    ) -> None:
        self.partitions = group_partitions(
            assignment.group, assignment.groups, settings.topic_partitions
        )
        self._stop = assignment.window_stop
        schemas = SchemaSource(settings)
        self._stepper = _patient(lambda: Stepper(settings, schemas, assignment.hour))
        self.detector = self._stepper.detector
        beginning = beginnings(settings, self.partitions)
        start: Positions | None = None
        if standing is not None:
            start = restore(self.detector, self.partitions, standing.usable_snapshots())
        exchange = self.detector.exchange
        self._entities = _patient(lambda: Entities(settings, schemas, exchange))
        # Without a snapshot the state is computed again from the oldest record of the log.
        self.source = RawSource(settings, self.partitions, start or beginning)
        self.held = Held(
            standing.flushed if standing else beginning,
            standing.stepped if standing else beginning,
        )
        self._waiting: RawBatch | None = None
        self._rest_until = 0.0
        self.records = 0
        self.busy_seconds = 0.0

    def close(self) -> None:
        """Release the clients."""
        self._entities.close()
        self.source.close()

    def advance(self) -> None:
        """Step what is there now, or wait a few ms for it; a batch in trouble is kept and retried."""
        if self._waiting is None:
            if self.held.rows > MAX_HELD_ROWS:
                time.sleep(0.1)
                return
            time.sleep(max(0.0, self._rest_until - time.perf_counter()))
            batch = self.source.take(self._stop)
            if not len(batch):
                self._entities.follow()
                return
            self._waiting = batch
        if not self._entities.is_read_for(max(self._waiting.append_times)):
            return
        began = time.perf_counter()
        try:
            output = self._stepper.step(self._waiting, self.source.positions)
        except RegistryDownError as error:
            log.warning("waiting for the schema registry: %s", error)
            time.sleep(0.2)
            return
        took = time.perf_counter() - began
        if len(self._waiting) < MAX_BATCH:
            self._rest_until = began + took + min(_REST_FACTOR * took, _MOST_REST_S)
        self.records += len(self._waiting)
        self._waiting = None
        self.held.add(output)
        self._entities.hold(output.touches)
        self.busy_seconds += took

    def tell(self) -> None:
        """Tell other tasks what the steps have seen and nobody has told yet; an owner's to call."""
        self._entities.tell()

    def counts(self) -> dict[str, int]:
        """What the steps have cost and told so far."""
        entities = self._entities
        return {
            "stepped_records": self.records,
            "busy_ms": round(self.busy_seconds * 1000),
            "entities_waited_ms": round(entities.waited_seconds * 1000),
            "told_touches": entities.told_touches,
            "told_bytes": entities.told_bytes,
        }

    @property
    def is_at_rest(self) -> bool:
        """True where every record taken has been stepped, so that positions and state agree."""
        return self._waiting is None

    def queried_ends(self) -> Positions | None:
        """Ends of the log as the broker answers now; None while it does not."""
        try:
            return self.source.ends()
        except KafkaException as error:
            log.warning("waiting for the broker: %s", error)
            return None


def _patient(make: Callable[[], T]) -> T:
    while True:
        try:
            return make()
        except RegistryDownError as error:
            log.warning("waiting for the schema registry: %s", error)
            time.sleep(0.5)
