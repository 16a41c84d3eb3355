"""An outside consumer of the alert topic: what it sees, and how long after the source's sending."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any

from confluent_kafka import TopicPartition

from fraudstream_platform.drain.follower import alert_reader
from fraudstream_platform.drain.kafka import partition_count, reader, watermarks
from fraudstream_platform.settings import Settings

_NEWEST = 8


class AlertProbe:
    """Reads alerts under read_committed from now on, in a thread of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.latencies_ms: list[float] = []
        self.seen_at: list[float] = []
        """Epoch seconds of each of `latencies_ms`."""
        self.by_pattern: Counter[str] = Counter()
        self.newest: tuple[dict[str, Any], ...] = ()
        """Replaced by each alert and never changed, since the view reads it meanwhile."""
        self.alerts = 0
        # An alert is handed over at once; only an empty topic is waited for this long.
        self._consumer = reader(settings, "fraudstream.probe", **{"fetch.wait.max.ms": 500})
        topic = settings.fraud_alerts_topic
        partitions = range(partition_count(self._consumer, topic))
        self._consumer.assign(
            [TopicPartition(topic, p, watermarks(self._consumer, topic, p)[1]) for p in partitions]
        )
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read, name="alert-probe", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop reading."""
        self._ended.set()
        self._thread.join(timeout=10)
        self._consumer.close()

    def _read(self) -> None:
        read = alert_reader(self._settings)
        while not self._ended.is_set():
            message = self._consumer.poll(0.1)
            if message is None or message.error() is not None:
                continue
            seen_ms = time.time() * 1000
            alert = read(message.value() or b"")
            self.alerts += 1
            self.by_pattern.update(alert["patterns"])
            self.newest = (*self.newest, alert)[-_NEWEST:]
            if alert["sent_at"] is not None:
                self.seen_at.append(seen_ms / 1000)
                self.latencies_ms.append(seen_ms - alert["sent_at"].timestamp() * 1000)
