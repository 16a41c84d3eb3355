"""Sends what was made ahead, open loop: `python -m fraudstream_platform.bench.load.send`.

Records go at the end of their tick and never before their intended times; a late loop sends
without waiting and keeps the intended times in the records. Without a rate, all goes
as fast as the broker takes it and no record says when it was meant to be sent.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from confluent_kafka import Producer

from fraudstream_platform.bench.load.block import LABELS, SEALS, TRANSACTIONS, Block, read_blocks
from fraudstream_platform.connection import registry_client
from fraudstream_platform.settings import Settings, get_settings
from fraudstream_platform.simulator.producer import ProduceError, schema_id
from fraudstream_platform.simulator.sending import (
    LINGER_MS,
    UNHURRIED_LINGER_MS,
    Deliveries,
    send,
    source_producer,
    wait_until,
)
from fraudstream_platform.simulator.summary import Summary

_TICK_S = 0.01
_LEAD_S = 2.0
"""The first record's time after the start: connections are made by then."""
_FLUSH_S = 120.0


class Sender:
    """Sends the parts of one stretch, record by record in turn; counts what it costs."""

    def __init__(self, settings: Settings, shift_ms: int, tps: float | None) -> None:
        registry = registry_client(settings)
        self._topics = {
            TRANSACTIONS: settings.transactions_topic,
            LABELS: settings.fraud_labels_topic,
            SEALS: settings.vault_topic,
        }
        self._schemas = {
            TRANSACTIONS: schema_id(registry, settings.transactions_topic, "transaction"),
            LABELS: schema_id(registry, settings.fraud_labels_topic, "transaction_label"),
        }
        self._shift_ms, self._tps = shift_ms, tps
        self._slips: list[float] = []
        self.summary = Summary()
        deliveries = Deliveries(self.summary)
        self._producer, self._unhurried = (
            source_producer(settings, "fraudstream-bench", linger_ms, deliveries)
            for linger_ms in (LINGER_MS, UNHURRIED_LINGER_MS)
        )

    def send(self, parts: Sequence[Path]) -> None:
        """Send everything; raises ProduceError where a record was not delivered."""
        self._producer.list_topics(timeout=_FLUSH_S)
        gc.disable()  # a full collection would stop the schedule
        started_s = time.time() + _LEAD_S
        self.summary.started_ms = int(started_s * 1000)
        cpu, began = time.process_time(), time.monotonic()
        for blocks in zip(*(self._records(part) for part in parts), strict=True):
            self._send(blocks)
        left = self._producer.flush(_FLUSH_S) + self._unhurried.flush(_FLUSH_S)
        self._finish(time.process_time() - cpu, time.monotonic() - began)
        if left or self.summary.delivery_errors:
            raise ProduceError(f"{left + self.summary.delivery_errors} records were not delivered")

    def _records(self, part: Path) -> Iterator[Block]:
        """The transactions of a part; what accompanies them is sent as it comes."""
        for block in read_blocks(part):
            if block.topic in self._schemas:
                block.set_schema(self._schemas[block.topic])
                block.shift_events(self._shift_ms)
            if block.topic == TRANSACTIONS:
                yield block
                continue
            self._produce(self._unhurried, block.topic, block.keys, block.values())
            self._unhurried.poll(0)
            if block.topic == SEALS:
                self.summary.sealed += len(block)
            else:
                self.summary.labels += len(block)

    def _send(self, blocks: Sequence[Block]) -> None:
        """Send a block of each part, a record of each in turn."""
        count = sum(map(len, blocks))
        due_ms = np.zeros(0, np.int64)
        if self._tps is not None:
            slots = self.summary.produced + np.arange(count)
            due_ms = self.summary.started_ms + (slots * 1000 / self._tps).astype(np.int64)
            for place, block in enumerate(blocks):
                block.set_sending(due_ms[place :: len(blocks)])
        keys = list(chain.from_iterable(zip(*(block.keys for block in blocks), strict=True)))
        values = list(chain.from_iterable(zip(*(b.values() for b in blocks), strict=True)))
        at_once = count if self._tps is None else max(1, int(self._tps * _TICK_S))
        for first in range(0, count, at_once):
            tick = slice(first, first + at_once)
            if self._tps is not None:
                self._wait_until(due_ms[tick][-1] / 1000)
            self._produce(self._producer, TRANSACTIONS, keys[tick], values[tick])
            self._producer.poll(0)
        self.summary.produced += count

    def _wait_until(self, at_s: float) -> None:
        wait_until(at_s)
        self._slips.append((time.time() - at_s) * 1000)

    def _produce(
        self, producer: Producer, topic: str, keys: Sequence[bytes], values: Sequence[bytes]
    ) -> None:
        name = self._topics[topic]
        for key, value in zip(keys, values, strict=True):
            send(producer, name, key, value)

    def _finish(self, cpu_s: float, took_s: float) -> None:
        self.summary.records_per_s = round(self.summary.produced / took_s, 1)
        self.summary.close(cpu_s, self._slips)


def main(
    parts: list[Path],
    summary: Annotated[Path, typer.Option(help="Write the summary to this file.")],
    shift_ms: Annotated[int, typer.Option(help="Added to every event time.")],
    tps: Annotated[float | None, typer.Option(help="Records a second.")] = None,
) -> None:
    """Send the parts; the exit status says whether all was delivered."""
    sender = Sender(get_settings(), shift_ms, tps)
    try:
        sender.send(parts)
    finally:
        sender.summary.write(summary)


if __name__ == "__main__":
    typer.run(main)
