"""Rows to messages, a chunk at a time, without a broker: convert, encode, check, seal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from fraudstream_platform.contracts.codec import Encoder
from fraudstream_platform.protection.bulk_seal import BulkSealer
from fraudstream_platform.protection.identity import SealedTokens
from fraudstream_platform.protection.normalise import normalise
from fraudstream_platform.protection.vault import Identity
from fraudstream_platform.replay.check import Checker
from fraudstream_platform.replay.convert import Converted, Converter
from fraudstream_platform.replay.pace import Pace
from fraudstream_platform.replay.rows import Numbered

CHUNK_ROWS = 2_000


class Message(NamedTuple):
    """One record on its way, with its label; `due_ms` is when to send it."""

    due_ms: int
    key: bytes
    value: bytes
    label: tuple[bytes, bytes] | None


class Bad(NamedTuple):
    """A row that is not sent."""

    line: int
    reason: str


@dataclass(frozen=True)
class Prepared:
    """A chunk of the file, ready to be sent."""

    messages: list[Message]
    seals: list[tuple[bytes, bytes]]
    bad: list[Bad]
    quarantine: Counter[str]


class Preparer:
    """Prepares chunks; remembers which tokens were sealed, never a row."""

    def __init__(
        self,
        converter: Converter,
        checker: Checker,
        label_encoder: Encoder,
        sealer: BulkSealer,
        pace: Pace,
        now_ms: Callable[[], int],
    ) -> None:
        self._converter = converter
        self._checker = checker
        self._label_encoder = label_encoder
        self._sealer = sealer
        self._pace = pace
        self._now_ms = now_ms
        self._sealed = SealedTokens()

    def chunks(self, rows: Iterator[Numbered], size: int = CHUNK_ROWS) -> Iterator[Prepared]:
        """All rows, `size` at a time."""
        while chunk := list(islice(rows, size)):
            yield self.prepare(chunk)

    def prepare(self, chunk: Iterable[Numbered]) -> Prepared:
        """The messages of a chunk, in order, and its bad rows."""
        bad: list[Bad] = []
        kept: list[tuple[Converted, int, bytes]] = []
        for line, row in chunk:
            found = row if isinstance(row, str) else self._converter.convert(line, row)
            if isinstance(found, str):
                bad.append(Bad(line, found))
                continue
            due = self._pace.due_ms(found.record["event_time"])
            if found.record["sent_at"] is None:
                found.record["sent_at"] = due
            value = self._checker.encode(found.record)
            if isinstance(value, str):
                bad.append(Bad(line, value))
            else:
                kept.append((found, due, value))
        findings = self._checker.check([value for _, _, value in kept], self._now_ms())
        bad.extend(Bad(kept[place][0].line, reason) for place, reason in findings.bad.items())
        good = [one for place, one in enumerate(kept) if place not in findings.bad]
        return Prepared(
            [
                Message(due, found.key.encode(), value, self._label(found))
                for found, due, value in good
            ],
            self._seals(identity for found, _, _ in good for identity in found.identities),
            sorted(bad),
            findings.quarantine,
        )

    def _label(self, found: Converted) -> tuple[bytes, bytes] | None:
        if found.label is None:
            return None
        return found.label["transaction_id"].encode(), self._label_encoder.encode(found.label)

    def _seals(self, identities: Iterable[Identity]) -> list[tuple[bytes, bytes]]:
        new = [one for one in identities if self._sealed.is_new(one.token)]
        originals = [one._replace(value=normalise(one.kind, one.value)) for one in new]
        return self._sealer.vault_records(originals)
