"""The source: seeded transactions with sequence numbers, and the trouble that sources make.

A process of its own. What it sends is written down before it is sent: the number, the kind of
trouble, the key and the bytes. The number travels as a header, which nothing reads but the oracle.
"""

from __future__ import annotations

import base64
import json
import random
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from zlib import crc32

import typer

from fraudstream_platform.connection import registry_client
from fraudstream_platform.contracts.codec import Encoder
from fraudstream_platform.contracts.schemas import avro_schema
from fraudstream_platform.drain.kafka import plain_producer
from fraudstream_platform.protection.keys import bulk_sealer_of, tokeniser_of
from fraudstream_platform.settings import Settings, get_settings
from fraudstream_platform.simulator.producer import schema_id
from fraudstream_platform.simulator.record import FastEncoder, Transaction
from fraudstream_platform.simulator.spoiled import Message, Spoiler
from fraudstream_platform.simulator.stream import Batch, Stream, StreamConfig

Headers = dict[str, str | bytes | None]
SEQUENCE = "sequence"
"""Header with the number of a record, from 0."""
CLOCK = "clock-behind-ms"
"""File beside that of what is sent: how far the clock of a new leader is behind, in ms."""
_TICK_S = 0.05
_CONNECT_MS = 2_000
_HOUR_MS = 3_600_000
_FLUSH_S = 120.0
_REMEMBERED = 2_000
"""Records back to which a duplicate reaches."""
_HELD_S = (0.5, 20.0)
"""How long a record is held back that arrives out of order."""
_BURST = (20, 120)
_SPOILED, _LATE, _HELD, _AGAIN, _BURSTS = 0.004, 0.01, 0.02, 0.004, 0.0004
"""Shares of the records: spoiled ones, hours late, out of order, repeated; bursts of spoiled ones."""

_UNKNOWN, _NOBODYS_IDS = "unknown_schema", (2_000_000_002, 2_100_000_000)


@dataclass(frozen=True)
class Sent:
    """A record as its source sent it."""

    sequence: int
    trouble: str
    """Empty where there was none."""
    key: bytes | None
    value: bytes

    def to_line(self) -> str:
        """A line of the file."""
        key = None if self.key is None else self.key.decode()
        value = base64.b64encode(self.value).decode()
        return json.dumps([self.sequence, self.trouble, key, value]) + "\n"

    @classmethod
    def of_line(cls, line: str) -> Sent:
        """Reverse of `to_line`."""
        sequence, trouble, key, value = json.loads(line)
        return cls(
            sequence, trouble, None if key is None else key.encode(), base64.b64decode(value)
        )


class Trouble:
    """What becomes of good transactions on their way: messages with the name of their trouble."""

    def __init__(self, seed: int, encoder: FastEncoder, times: float = 1.0) -> None:
        """`times` as many of them as usual."""
        self._rng = random.Random(f"trouble/{seed}")  # nosec B311
        self._times = times
        self._encoder = encoder
        self._spoiler = Spoiler(seed, 0.5, encoder)
        self._held: list[tuple[float, Message]] = []
        self._sent: deque[Message] = deque(maxlen=_REMEMBERED)

    def messages(
        self, transaction: Transaction, may_spoil: bool, now_s: float
    ) -> Iterator[tuple[str, Message]]:
        """What goes out for one transaction, and what was held back until now."""
        for one in [one for one in self._held if one[0] <= now_s]:
            self._held.remove(one)
            yield "out_of_order", self._remembered(one[1])
        yield from self._of(transaction, may_spoil, now_s)

    def _of(
        self, transaction: Transaction, may_spoil: bool, now_s: float
    ) -> Iterator[tuple[str, Message]]:
        chance = self._rng.random() / self._times
        if not may_spoil or chance > _SPOILED + _LATE + _HELD + _AGAIN + _BURSTS:
            yield "", self._remembered(self._encoded(transaction))
        elif chance < _SPOILED:
            yield self._spoiled(transaction)
        elif chance < _SPOILED + _LATE:
            hours = self._rng.choice((0.02, 0.5, 3, 20, 30, 200))
            name, event_ms, sent_ms = transaction.head
            head = (name, event_ms - round(hours * _HOUR_MS), sent_ms)
            yield "late", self._remembered(self._encoded(transaction._replace(head=head)))
        elif chance < _SPOILED + _LATE + _HELD:
            self._held.append((now_s + self._rng.uniform(*_HELD_S), self._encoded(transaction)))
        elif chance < _SPOILED + _LATE + _HELD + _AGAIN and self._sent:
            yield "repeated", self._rng.choice(self._sent)
            yield "", self._remembered(self._encoded(transaction))
        else:
            for _ in range(self._rng.randint(*_BURST)):
                yield self._spoiled(transaction)

    def _spoiled(self, transaction: Transaction) -> tuple[str, Message]:
        """One of the simulator's kinds of bad records, in their turn."""
        before = dict(self._spoiler.counts)
        while True:  # it lets every other one pass
            message = self._spoiler.message(transaction, True)
            for kind, count in self._spoiler.counts.items():
                if count != before.get(kind, 0):
                    return kind, self._asked_anew(message) if kind == _UNKNOWN else message

    def _asked_anew(self, message: Message) -> Message:
        """Of a schema that no task has asked the registry for yet."""
        schema_id = self._rng.randrange(*_NOBODYS_IDS)
        value = message.value[:1] + schema_id.to_bytes(4, "big") + message.value[5:]
        return message._replace(value=value)

    def _encoded(self, transaction: Transaction) -> Message:
        return Message(transaction.key.encode(), self._encoder.encode(transaction))

    def _remembered(self, message: Message) -> Message:
        self._sent.append(message)
        return message


class Feed:
    """Sends one stream at its intended times until it is told to end."""

    def __init__(self, settings: Settings, seed: int, tps: float, path: Path) -> None:
        registry = registry_client(settings)
        self._settings = settings
        self._raw, self._labels = settings.transactions_topic, settings.fraud_labels_topic
        encoder = FastEncoder(schema_id(registry, self._raw, "transaction"))
        label_id = schema_id(registry, self._labels, "transaction_label")
        self._label_encoder = Encoder(label_id, avro_schema("transaction_label"))
        tokeniser = tokeniser_of(settings)
        self._sealer = bulk_sealer_of(settings)
        start = int(time.time() * 1000) + _CONNECT_MS
        config = StreamConfig(
            seed, tps, count=10**7, start_ms=start, fraud_rate=0.02, batch_slots=max(1, int(tps * _TICK_S))
        )  # fmt: skip
        self._stream = Stream(config, tokeniser)
        self._trouble = Trouble(seed, encoder)
        self._rng = random.Random(f"idle/{seed}")  # nosec B311
        self._producer = plain_producer(settings, **{"linger.ms": 2})
        self._file = path.open("w")
        self._clock = path.with_name(CLOCK)
        self._sequence = 0
        self._errors = 0
        self.ended = threading.Event()

    def run(self) -> int:
        """Send; returns how many records could not be delivered."""
        for batch in self._stream.batches():
            self.ended.wait(max(0.0, batch.due_ms / 1000 - time.time()))
            if self.ended.is_set():
                break
            self._send(batch)
        self._errors += self._producer.flush(_FLUSH_S)
        self._file.close()
        return self._errors

    def _send(self, batch: Batch) -> None:
        now_s = time.time()
        due = [
            Sent(self._sequence + place, trouble, message.key, message.value)
            for place, (trouble, message) in enumerate(
                one
                for transaction, in_attack in zip(batch.transactions, batch.in_attack, strict=True)
                for one in self._trouble.messages(transaction, not in_attack, now_s)
            )
        ]
        self._sequence += len(due)
        self._file.writelines(one.to_line() for one in due)
        self._file.flush()
        for token, record in self._sealer.vault_records(batch.identities):
            self._produce(self._settings.vault_topic, token, record)
        stamp = self._stamp()
        for one in due:
            headers: Headers = {SEQUENCE: str(one.sequence)}
            self._produce(self._raw, one.key, one.value, self._partition(one.key), headers, stamp)
        for label in batch.labels:
            key = label["transaction_id"].encode()
            self._produce(self._labels, key, self._label_encoder.encode(label))
        self._producer.poll(0)

    def _partition(self, key: bytes | None) -> int:
        """A customer's own partition; the last one is idle but for records without a key."""
        last = self._settings.topic_partitions - 1
        return last if key is None else crc32(key) % last

    def _stamp(self) -> int:
        """What a broker's clock says that has been set back; ignored where the broker stamps."""
        try:
            behind_ms = int(self._clock.read_text() or 0)
        except FileNotFoundError:
            behind_ms = 0
        return int(time.time() * 1000) - behind_ms

    def _produce(
        self,
        topic: str,
        key: bytes | None,
        value: bytes,
        partition: int = -1,
        headers: Headers | None = None,
        stamp: int = 0,
    ) -> None:
        self._producer.produce(
            topic,
            value,
            key,
            partition,
            on_delivery=self._delivered,
            timestamp=stamp,
            headers=headers or {},
        )

    def _delivered(self, error: object, _: object) -> None:
        self._errors += error is not None


def main(
    path: Annotated[Path, typer.Argument(help="File of what is sent.")],
    seed: Annotated[int, typer.Option()] = 1,
    tps: Annotated[float, typer.Option()] = 200.0,
) -> None:
    """Send until SIGTERM; exit status 1 where a record was not delivered."""
    feed = Feed(get_settings(), seed, tps, path)
    signal.signal(signal.SIGTERM, lambda *_: feed.ended.set())
    errors = feed.run()
    if errors:
        typer.echo(f"{errors} records were not delivered", err=True)
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
