"""Sends the simulated stream to Kafka at the intended times, whatever the pipeline does.

The loop is open: batches are made ahead (one, or as many as asked for), wait for their times, and
are sent; a late loop sends without waiting and keeps the intended times in the records, so that no
delay hides from the figures.
"""

from __future__ import annotations

import gc
import time
from collections import Counter, deque
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from fraudstream_platform.connection import registry_client
from fraudstream_platform.contracts.codec import Encoder
from fraudstream_platform.contracts.schemas import avro_schema, avro_text
from fraudstream_platform.protection.keys import bulk_sealer_of
from fraudstream_platform.protection.vault import Identity
from fraudstream_platform.settings import Settings
from fraudstream_platform.simulator.record import FastEncoder, without_sending_time
from fraudstream_platform.simulator.sending import (
    LINGER_MS,
    UNHURRIED_LINGER_MS,
    Deliveries,
    send,
    source_producer,
    wait_until,
)
from fraudstream_platform.simulator.spoiled import Message, Spoiler
from fraudstream_platform.simulator.stream import Batch, Stream, StreamConfig
from fraudstream_platform.simulator.summary import Summary
from fraudstream_platform.simulator.truth import TruthFile
from fraudstream_platform.token_links import source_tokeniser, tell_links

TICK_S = 0.025
"""Records of one tick are sent together, at its end and never before their intended times."""
_PREPARE_US = 200
"""Time to make a record with its seals, generously: what is not made by the start is made later."""
_SPARE_S = 0.005
"""Nothing is made ahead in the last moments before a batch is due."""
_SEALS_AT_ONCE = 400
_FLUSH_S = 60.0
_METADATA_S = 15.0
_CONNECT_MS = 2_000


@dataclass(frozen=True)
class _Prepared:
    """A batch on its way: when it is due, and its encoded messages."""

    due_s: float
    messages: list[Message]
    batch: Batch


def start_ms(tps: float, lead_s: float) -> int:
    """The first record's time, so that connections and `lead_s` of stream are made before it."""
    return int(time.time() * 1000) + _CONNECT_MS + int(tps * lead_s * _PREPARE_US / 1000)


class ProduceError(RuntimeError):
    """Records cannot reach Kafka, or some did not."""


def schema_id(registry: SchemaRegistryClient, topic: str, name: str) -> int:
    """Id of `schemas/<name>.avsc` under `<topic>-value`; registers it where it is not yet known."""
    found: int = registry.register_schema(f"{topic}-value", Schema(avro_text(name), "AVRO"))
    return found


class Simulation:
    """One run of the simulator against a broker and a registry.

    Not `paced`, it sends as fast as it can and says nothing of when it meant to: history.
    """

    def __init__(
        self,
        settings: Settings,
        config: StreamConfig,
        *,
        truth: Path | None = None,
        bad_rate: float = 0.0,
        lead_s: float = 0.0,
        paced: bool = True,
    ) -> None:
        registry = registry_client(settings)
        self._raw, self._vault = settings.transactions_topic, settings.vault_topic
        self._labels = settings.fraud_labels_topic
        self._encoder = FastEncoder(schema_id(registry, self._raw, "transaction"))
        self._label_encoder = Encoder(
            schema_id(registry, self._labels, "transaction_label"), avro_schema("transaction_label")
        )
        self._settings = settings
        self._tokeniser, self._link_reader = source_tokeniser(settings)
        self._sealer = bulk_sealer_of(settings)
        self._paced = paced
        self._lead = max(1, int(lead_s * config.tps / config.batch_slots))
        self._stream = Stream(config, self._tokeniser)
        self._spoiler = Spoiler(config.seed, bad_rate, self._encoder)
        self._truth = TruthFile(truth)
        self._unsealed: list[Identity] = []
        self._patterns: Counter[str] = Counter()
        self._slips: list[float] = []
        self.summary = Summary(started_ms=config.start_ms)
        deliveries = Deliveries(self.summary)
        self._producer, self._unhurried = (
            source_producer(settings, "fraudstream-simulator", linger_ms, deliveries)
            for linger_ms in (LINGER_MS, UNHURRIED_LINGER_MS)
        )
        _require_topics(self._producer, (self._raw, self._vault, self._labels))

    def run(self) -> Summary:
        """Send everything; raises `ProduceError` where a record was not delivered."""
        # Nothing here makes cycles, and a full collection would stop the schedule for 50 ms.
        gc.disable()
        try:
            cpu_s = self._send_all()
        finally:
            gc.enable()
            self._truth.close()
            if self._link_reader is not None:
                self._link_reader.close()
        left = self._producer.flush(_FLUSH_S) + self._unhurried.flush(_FLUSH_S)
        self._finish(cpu_s)
        if left or self.summary.delivery_errors:
            raise ProduceError(f"{left + self.summary.delivery_errors} records were not delivered")
        return self.summary

    def _send_all(self) -> float:
        """Send every batch in its time; returns the CPU seconds of the whole process."""
        cpu, began_s = time.process_time(), time.monotonic()
        coming = map(self._prepare, self._stream.batches())
        ahead: deque[_Prepared] = deque()
        while True:
            while len(ahead) < self._lead and _is_time(ahead):
                prepared = next(coming, None)
                if prepared is None:
                    break
                ahead.append(prepared)
            if not ahead:
                break
            self._send_one(ahead.popleft())
        self._seal(at_least=1)
        took_s = max(1e-9, time.monotonic() - began_s)
        self.summary.records_per_s = round(self.summary.produced / took_s, 1)
        return time.process_time() - cpu

    def _prepare(self, batch: Batch) -> _Prepared:
        """Encode a batch, and send the seals of its new identities ahead of it."""
        due_s = batch.due_ms / 1000
        if self._link_reader is not None:
            self._link_reader.poll()
        if not self._paced:
            batch.transactions = [
                without_sending_time(transaction) for transaction in batch.transactions
            ]
        messages = [
            self._spoiler.message(transaction, not in_attack)
            for transaction, in_attack in zip(batch.transactions, batch.in_attack, strict=True)
        ]
        self._unsealed.extend(batch.identities)
        self._seal(at_least=_SEALS_AT_ONCE)
        return _Prepared(due_s, messages, batch)

    def _send_one(self, prepared: _Prepared) -> None:
        if self._paced:
            wait_until(prepared.due_s)
            self._slips.append((time.time() - prepared.due_s) * 1000)
        for key, value in prepared.messages:
            send(self._producer, self._raw, key, value)
        self.summary.produced += len(prepared.messages)
        self._producer.poll(0)
        self._unhurried.poll(0)
        self._accompany(prepared.batch)

    def _accompany(self, batch: Batch) -> None:
        """Send the labels of the batch, and note its attacks."""
        for label in batch.labels:
            key = label["transaction_id"].encode()
            send(self._unhurried, self._labels, key, self._label_encoder.encode(label))
        self.summary.labels += len(batch.labels)
        self._truth.write(batch.attacks)
        self._patterns.update(attack.pattern for attack in batch.attacks)
        self.summary.fraudulent += sum(len(attack.transaction_ids) for attack in batch.attacks)

    def _seal(self, at_least: int) -> None:
        if len(self._unsealed) < at_least:
            return
        identities, self._unsealed = self._unsealed, []
        for token, record in self._sealer.vault_records(identities):
            send(self._unhurried, self._vault, token, record)
        self.summary.sealed += len(identities)
        tell_links(self._settings, self._unhurried, self._tokeniser.links.take_made())

    def _finish(self, cpu_s: float) -> None:
        summary = self.summary
        summary.attacks_by_pattern = dict(self._patterns)
        summary.attacks = sum(self._patterns.values())
        summary.bad_records = dict(self._spoiler.counts)
        summary.close(cpu_s, self._slips)


def _require_topics(producer: Producer, topics: tuple[str, ...]) -> None:
    """Refuse to start where a record would wait minutes for its topic and then be lost."""
    known = producer.list_topics(timeout=_METADATA_S).topics
    missing = [topic for topic in topics if topic not in known]
    if missing:
        raise ProduceError(f"topics {', '.join(missing)} do not exist; run set-up first")


def _is_time(ahead: deque[_Prepared]) -> bool:
    """Whether there is time to make another batch before the next one is due."""
    return not ahead or time.time() < ahead[0].due_s - _SPARE_S
