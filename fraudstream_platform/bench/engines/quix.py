"""Quix Streams on the same work: a process a group, all in one consumer group.

`python -m fraudstream_platform.bench.engines.quix READY GROUP [--exactly-once]`; READY is made when
it reads, and says how many records are stepped. Its packages are its own (`requirements-quix.txt`).

Records go one by one through Quix and are gathered by a sink, which steps them when Quix commits,
before it flushes its producer and commits offsets: so alerts of a commit are sent within its
transaction. A step a record would cost milliseconds each. State is in memory and not in Quix's
RocksDB: it would be lost with the process, a favour.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer
from quixstreams import Application
from quixstreams.sinks.base import BaseSink

from fraudstream_platform.bench.engines.peer import Work
from fraudstream_platform.detection.step import warm_up
from fraudstream_platform.drain.source import RawBatch
from fraudstream_platform.settings import get_settings

_COMMIT_S = 0.1
"""Between commits, hence steps: a transaction and its offsets cost about 10 ms."""
_PATIENCE_S = 0.02
"""Quix looks whether a commit is due when a record came, or after so long without one."""


class Alerts(BaseSink):
    """Gathers records between commits; at a commit, steps them and produces their alerts."""

    def __init__(self, work: Work, topic: str, app: SteppingApplication) -> None:
        super().__init__()
        self._work = work
        self._topic = topic
        self._app = app
        self._batch = RawBatch()

    def add(
        self,
        value: bytes,
        key: bytes | None,
        timestamp: int,
        headers: Any,
        topic: str,
        partition: int,
        offset: int,
    ) -> None:
        """One record, in its partition's order."""
        self._batch.values.append(value)
        self._batch.keys.append(None if key is None else key.decode("utf-8", "replace"))
        self._batch.partitions.append(partition)
        self._batch.offsets.append(offset)
        self._batch.append_times.append(timestamp)

    def flush(self) -> None:
        """Step what was gathered; Quix then flushes its producer and commits."""
        batch, self._batch = self._batch, RawBatch()
        for alert in self._work.alerts(batch):
            self._app.produce(self._topic, alert.value, alert.key)


class SteppingApplication(Application):
    """An application whose sink may use the application's own producer, and its transaction."""

    def produce(self, topic: str, value: bytes, key: bytes) -> None:
        """Send within the current commit."""
        self._producer.produce(topic=topic, value=value, key=key)


def main(ready: Path, group: int, exactly_once: bool = False) -> None:
    """Run the application until ended."""
    settings = get_settings()
    warm_up()
    app = SteppingApplication(
        broker_address=settings.bootstrap,
        consumer_group="bench.quix",
        auto_offset_reset="earliest",
        auto_create_topics=False,
        commit_interval=_COMMIT_S,
        consumer_poll_timeout=_PATIENCE_S,
        producer_extra_config={"linger.ms": 0},
        processing_guarantee="exactly-once" if exactly_once else "at-least-once",
        state_dir=settings.data_dir / f"quix-{group}",
        loglevel="WARNING",
    )
    raw = app.topic(
        settings.transactions_topic, value_deserializer="bytes", key_deserializer="bytes"
    )
    app.dataframe(raw).sink(Alerts(Work(settings, ready), settings.fraud_alerts_topic, app))
    ready.touch()
    app.run()


if __name__ == "__main__":
    typer.run(main)
