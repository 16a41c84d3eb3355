"""Deliberately bad records, each of a kind that the pipeline has to name and count."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from fraudstream_platform.simulator.record import FastEncoder, Transaction

_UNKNOWN_SCHEMA_ID = 2_000_000_001
_JAN_1970_MS = 1_000
_YEAR_MS = 365 * 86_400_000


class Message(NamedTuple):
    """What goes to Kafka."""

    key: bytes | None
    value: bytes


class Spoiler:
    """Replaces a share of the messages by bad ones; counts them by kind."""

    def __init__(self, seed: int, rate: float, encoder: FastEncoder) -> None:
        self._rng = random.Random(f"bad/{seed}")  # nosec B311
        self._rate = rate
        self._encoder = encoder
        self._last: Message | None = None
        self._kinds: tuple[Callable[[Transaction, Message], Message], ...] = (
            self._undecodable, self._truncated, self._unknown_schema, self._negative_amount,
            self._duplicate, self._wrong_key, self._no_key, self._nobody, self._year_1970,
            self._next_year,
        )  # fmt: skip
        self.counts: Counter[str] = Counter()

    def message(self, transaction: Transaction, may_spoil: bool) -> Message:
        """The transaction's message, or a bad one in its place."""
        good = Message(transaction.key.encode(), self._encoder.encode(transaction))
        if not self._rate:
            return good
        if may_spoil and self._last is not None and self._rng.random() < self._rate:
            kind = self._kinds[sum(self.counts.values()) % len(self._kinds)]
            self.counts[kind.__name__.removeprefix("_")] += 1
            return kind(transaction, good)
        self._last = good
        return good

    def _undecodable(self, transaction: Transaction, good: Message) -> Message:
        return Message(good.key, b"\xff" + self._rng.randbytes(60))

    def _truncated(self, transaction: Transaction, good: Message) -> Message:
        return Message(good.key, good.value[: len(good.value) // 2])

    def _unknown_schema(self, transaction: Transaction, good: Message) -> Message:
        header = b"\x00" + _UNKNOWN_SCHEMA_ID.to_bytes(4, "big")
        return Message(good.key, header + good.value[5:])

    def _negative_amount(self, transaction: Transaction, good: Message) -> Message:
        amount, currency, billed = transaction.money
        return self._again(transaction._replace(money=(-amount - 1, currency, -billed - 1)))

    def _duplicate(self, transaction: Transaction, good: Message) -> Message:
        return self._last or good

    def _wrong_key(self, transaction: Transaction, good: Message) -> Message:
        return Message(b"cu1_" + b"A" * 22, good.value)

    def _no_key(self, transaction: Transaction, good: Message) -> Message:
        return Message(None, good.value)

    def _nobody(self, transaction: Transaction, good: Message) -> Message:
        spoiled = transaction._replace(account=(None, None, None, *transaction.account[3:]))
        return Message(None, self._encoder.encode(spoiled))

    def _year_1970(self, transaction: Transaction, good: Message) -> Message:
        return self._at(transaction, _JAN_1970_MS)

    def _next_year(self, transaction: Transaction, good: Message) -> Message:
        return self._at(transaction, transaction.head[1] + _YEAR_MS)

    def _at(self, transaction: Transaction, event_ms: int) -> Message:
        name, _, sent_at = transaction.head
        return self._again(transaction._replace(head=(name, event_ms, sent_at)))

    def _again(self, transaction: Transaction) -> Message:
        return Message(transaction.key.encode(), self._encoder.encode(transaction))
