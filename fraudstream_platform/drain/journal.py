"""The journal: the single record of who owned which part of the log and how far it got.

Journal partition g holds the records of partition group g; the last journal partition holds the
heartbeats of runs. Records are JSON. Every `owner`, `flush` and `final` record is complete in
itself (flushed, stepped, snapshots), so that reading back to the newest of them is enough.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from fraudstream_platform.drain.kafka import arrivals, reader, watermarks
from fraudstream_platform.drain.positions import Positions, covers, from_json, to_json
from fraudstream_platform.lake.files import DataFile
from fraudstream_platform.settings import Settings

Kind = Literal["owner", "step", "flush", "final", "run"]
COMPLETE: tuple[Kind, ...] = ("owner", "flush", "final")
"""Records that say by themselves where a group stands."""
_TAIL = 64
_FOLLOW_WAIT_MS = 250
_UNHURRIED_BYTES = 1_048_576
"""More than comes while a fetch waits, so that records come together."""


class Term(NamedTuple):
    """An owner's term, ordered: a later window, then a later attempt at it, is newer."""

    window: int
    """Nominal start of the window, epoch ms."""
    attempt: int
    """Which run tries the window, from 1."""
    retry: int
    """Which try of the Spark task within that run, from 0."""


@dataclass(frozen=True)
class SnapshotRef:
    """A state snapshot: a file, its SHA-256, and the positions at which the state stood."""

    path: str
    sha256: str
    catalogue: str
    positions: Positions


@dataclass(frozen=True)
class Entry:
    """One journal record. Positions are by raw partition; times are epoch ms."""

    kind: Kind
    group: int
    term: Term
    run_id: str
    stop: int
    flushed: Positions = field(default_factory=dict)
    """Rows before these offsets are in journaled files."""
    stepped: Positions = field(default_factory=dict)
    """Alerts before these offsets are on the alert topic."""
    snapshots: tuple[SnapshotRef, ...] = ()
    """Newest first."""
    start: Positions = field(default_factory=dict)
    """A flush covers start..flushed."""
    origin: bool = False
    """A flush: the first ever of its group. An owner or final record: none was flushed yet."""
    hour: str = ""
    files: tuple[DataFile, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    """Whatever is worth counting: records stepped, busy milliseconds, rows committed."""
    latency_ms: tuple[int, ...] = ()
    """Alerts of this step: publication minus the source's sent_at."""
    versions: Mapping[str, str] = field(default_factory=dict)
    at: int = 0
    """Append time of the record (filled when read)."""
    journal_offset: int = -1
    """Offset of the record (filled when read)."""

    @property
    def has_flushed(self) -> bool:
        """True where this record shows that the group has journaled a flush before or with it."""
        return self.kind == "flush" or (self.kind in ("owner", "final") and not self.origin)

    def to_bytes(self) -> bytes:
        """JSON, without what is filled when read."""
        raw: dict[str, Any] = {
            "kind": self.kind,
            "group": self.group,
            "term": list(self.term),
            "run_id": self.run_id,
            "stop": self.stop,
            "flushed": to_json(self.flushed),
            "stepped": to_json(self.stepped),
        }
        if self.kind in COMPLETE:
            raw["snapshots"] = [
                {**ref.__dict__, "positions": to_json(ref.positions)} for ref in self.snapshots
            ]
            raw["origin"] = self.origin
        if self.kind == "flush":
            raw |= {
                "start": to_json(self.start),
                "hour": self.hour,
                "files": [file.to_json() for file in self.files],
                "versions": dict(self.versions),
            }
        if self.counts:
            raw["counts"] = dict(self.counts)
        if self.latency_ms:
            raw["latency_ms"] = list(self.latency_ms)
        return json.dumps(raw, separators=(",", ":")).encode()


def entry_of(message: Message) -> Entry:
    """A journal record as read from Kafka."""
    raw = json.loads(message.value() or b"{}")
    return Entry(
        kind=raw["kind"],
        group=raw["group"],
        term=Term(*raw["term"]),
        run_id=raw["run_id"],
        stop=raw["stop"],
        flushed=from_json(raw["flushed"]),
        stepped=from_json(raw["stepped"]),
        snapshots=tuple(
            SnapshotRef(**{**ref, "positions": from_json(ref["positions"])})
            for ref in raw.get("snapshots", ())
        ),
        start=from_json(raw.get("start", {})),
        origin=raw.get("origin", False),
        hour=raw.get("hour", ""),
        files=tuple(DataFile(**file) for file in raw.get("files", ())),
        counts=raw.get("counts", {}),
        latency_ms=tuple(raw.get("latency_ms", ())),
        versions=raw.get("versions", {}),
        at=message.timestamp()[1],
        journal_offset=message.offset() or 0,
    )


class JournalReader:
    """Reads journal partitions back from their end and follows them; committed records only.

    Two clients, since a client learns of other partitions only when its fetch in flight returns:
    what is followed is waited for long (which spares the broker), what is read back is not.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = settings.journal_topic
        self._consumer: Consumer = reader(settings, "fraudstream.journal")
        self._follower: Consumer | None = None

    def close(self) -> None:
        """Release the clients' threads and sockets."""
        self._consumer.close()
        if self._follower is not None:
            self._follower.close()

    def tail(self, partition: int, kinds: Sequence[Kind], count: int = 1) -> list[Entry]:
        """Committed entries from the `count`-th newest of `kinds` (or the beginning) to the end."""
        low, high = watermarks(self._consumer, self._topic, partition)
        reach = _TAIL
        while True:
            start = max(low, high - reach)
            entries = self._range(partition, start, high)
            places = [i for i, entry in enumerate(entries) if entry.kind in kinds]
            if len(places) >= count:
                return entries[places[-count] :]
            if start == low:
                return entries
            reach *= 4

    def back_to(self, partition: int, positions: Positions | None) -> list[Entry]:
        """Entries back to the flush that holds `positions`; all that are kept where that is None."""
        if positions is None:
            return self.history(partition)
        count = 4
        while True:
            entries = self.tail(partition, ("flush",), count)
            flushes = [entry for entry in entries if entry.kind == "flush"]
            if len(flushes) < count or covers(positions, flushes[0].start):
                return entries
            count *= 4

    def history(self, partition: int) -> list[Entry]:
        """Every committed entry that the partition still holds."""
        low, high = watermarks(self._consumer, self._topic, partition)
        return self._range(partition, low, high)

    def _range(self, partition: int, start: int, high: int) -> list[Entry]:
        if start >= high:
            return []
        self._consumer.assign([TopicPartition(self._topic, partition, start)])
        entries: list[Entry] = []
        while True:
            for message in self._consumer.consume(500, 0.02):  # waits for all 500 or the time
                error = message.error()
                if error is None:
                    entries.append(entry_of(message))
                elif error.code() != KafkaError._PARTITION_EOF:
                    raise RuntimeError(f"journal: {error.str()}")
                # Records past `high` may come too: they are newer, and as true.
                elif (message.offset() or 0) >= high:
                    self._consumer.unassign()
                    return entries

    def end(self, partition: int) -> int:
        """Offset after the newest committed entry, asked of the broker now."""
        return watermarks(self._consumer, self._topic, partition)[1]

    def beginning(self, partition: int) -> int:
        """Offset of the oldest record that is kept, asked of the broker now."""
        return watermarks(self._consumer, self._topic, partition)[0]

    def offset_at(self, partition: int, at_ms: int) -> int:
        """Offset of the first record appended at or after `at_ms` (epoch ms), or the end."""
        asked = [TopicPartition(self._topic, partition, at_ms)]
        (found,) = self._consumer.offsets_for_times(asked, timeout=10)
        return found.offset if found.offset >= 0 else self.end(partition)

    def follow(self, positions: Mapping[int, int], *, unhurried: bool = False) -> None:
        """From now on `poll` gives the entries of these journal partitions, from these offsets.

        Each as soon as it is there; `unhurried`, up to a quarter of a second later: one fetch then
        brings what else needs as many as there are transactions.
        """
        if self._follower is None:
            waits = {"fetch.wait.max.ms": _FOLLOW_WAIT_MS}
            if unhurried:
                waits["fetch.min.bytes"] = _UNHURRIED_BYTES
            self._follower = reader(self._settings, "fraudstream.journal", **waits)
        self._follower.assign(
            [TopicPartition(self._topic, p, offset) for p, offset in positions.items()]
        )

    def poll(self, timeout: float) -> Iterator[Entry]:
        """New entries of the followed partitions, waiting at most `timeout` seconds for them."""
        if self._follower is None:
            raise RuntimeError("nothing is followed yet: call follow() first")
        for message in arrivals(self._follower, 1000, timeout):
            error = message.error()
            if error is None:
                yield entry_of(message)
            elif error.code() != KafkaError._PARTITION_EOF and error.fatal():
                raise RuntimeError(f"journal: {error.str()}")
