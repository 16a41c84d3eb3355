"""A run's sign of life in the journal, from a thread of its own."""

from __future__ import annotations

import logging
import threading
import time

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from fraudstream_platform.drain.journal import Entry, JournalReader, Term
from fraudstream_platform.drain.kafka import plain_producer
from fraudstream_platform.drain.positions import Positions
from fraudstream_platform.settings import Settings

log = logging.getLogger(__name__)


class Heartbeat:
    """Journals a `run` record every third of a lease, and listens for other runs' records."""

    def __init__(self, settings: Settings, term: Term, run_id: str, stop: int) -> None:
        self._settings = settings
        self._term = term
        self._run_id = run_id
        self._stop_at = stop
        self.committed: Positions = {}
        self.delivered_at = 0.0
        """When the broker last acknowledged a record (epoch seconds)."""
        self.answering_since = 0.0
        """Since when it has done so without a gap longer than a lease."""
        self._others_at = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the thread and wait for it."""
        self._ended.set()
        self._thread.join(timeout=10)

    def others_alive(self) -> bool:
        """True where another run of an earlier term was heard within the lease."""
        return time.time() - self._others_at < self._settings.lease_seconds

    def _beat(self) -> None:
        producer = plain_producer(self._settings, **{"message.timeout.ms": 30_000})
        while not self._ended.is_set():
            try:
                self._beat_while_the_broker_answers(producer)
            except KafkaException as error:
                log.warning("heartbeat waits for the broker: %s", error)
                self._ended.wait(1.0)
        producer.flush(5)

    def _beat_while_the_broker_answers(self, producer: Producer) -> None:
        journal = JournalReader(self._settings)
        runs = self._settings.topic_partitions
        try:
            for entry in journal.tail(runs, ("run",), 20):
                self._hear(entry)
            journal.follow({runs: journal.end(runs)})
            while not self._ended.is_set():
                producer.produce(
                    self._settings.journal_topic,
                    value=self._entry().to_bytes(),
                    key=b"run",
                    partition=runs,
                    on_delivery=self._delivered,
                )
                for entry in journal.poll(0):
                    self._hear(entry)
                producer.poll(0.05)
                self._ended.wait(self._settings.lease_seconds / 3)
        finally:
            journal.close()

    def _hear(self, entry: Entry) -> None:
        if entry.run_id != self._run_id and entry.term < self._term:
            self._others_at = max(self._others_at, entry.at / 1000)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            now = time.time()
            if now - self.delivered_at > self._settings.lease_seconds:
                self.answering_since = now
            self.delivered_at = now

    def _entry(self) -> Entry:
        return Entry(
            kind="run",
            group=-1,
            term=self._term,
            run_id=self._run_id,
            stop=self._stop_at,
            flushed=dict(self.committed),
        )
