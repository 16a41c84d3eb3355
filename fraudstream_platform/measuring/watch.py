"""A running pipeline's figures, each read from where it is true: broker, journal and tables."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaException

from fraudstream_platform.drain.committer import application_of
from fraudstream_platform.drain.journal import Entry, JournalReader
from fraudstream_platform.drain.kafka import reader, watermarks
from fraudstream_platform.drain.positions import Positions, covers
from fraudstream_platform.lake.commit import RecordedVersions
from fraudstream_platform.lake.tables import TABLES, open_table
from fraudstream_platform.measuring.seen import SeenCommits
from fraudstream_platform.measuring.waiting import wait_for
from fraudstream_platform.settings import Settings

_ENDS_S = 60.0
LAYERS = {
    "bronze": "bronze.transactions",
    "silver": "silver.transactions",
    "gold": "gold.features",
}


@dataclass
class Sample:
    """What stood at one moment."""

    at: float
    produced: int
    lag: int
    """Records past the last journaled step or flush."""
    rows: Mapping[str, int]
    """Rows of the tables that were to be counted."""
    freshness_s: Mapping[str, float]
    """Now minus the newest append time committed, by layer; absent before the first commit."""


@dataclass
class Watch:
    """Follows journal and tables from the beginning; asked once a second."""

    settings: Settings
    owners: list[Entry] = field(default_factory=list)
    finals: list[Entry] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Follow every group's journal from its start."""
        application = application_of(self.settings)
        self._journal = JournalReader(self.settings)
        self._journal.follow(dict.fromkeys(range(self.settings.drain_groups), -2))
        self._consumer: Consumer = reader(self.settings, "fraudstream.watch")
        self._tables = {table: open_table(self.settings, table) for table in TABLES}
        self._recorded = {
            table: RecordedVersions(self._tables[table], application) for table in LAYERS.values()
        }
        self._stepped: Positions = {}
        self._seen = {
            table: SeenCommits(recorded, self.settings.drain_groups)
            for table, recorded in self._recorded.items()
        }

    def close(self) -> None:
        """Release the clients."""
        self._journal.close()
        self._consumer.close()

    def is_open(self) -> bool:
        """True once every group has an owner."""
        self._read_journal()
        return len({entry.group for entry in self.owners}) == self.settings.drain_groups

    def opened_at_ms(self) -> int:
        """When the last group got its first owner, epoch ms."""
        first: dict[int, int] = {}
        for entry in self.owners:
            first.setdefault(entry.group, entry.at)
        return max(first.values(), default=0)

    def handovers(self) -> int:
        """How often one window's owner followed another's, in the group where it was least often."""
        by_group = [
            len({entry.term.window for entry in self.owners if entry.group == group}) - 1
            for group in range(self.settings.drain_groups)
        ]
        return max(0, min(by_group))

    def handover_gaps_ms(self) -> list[int]:
        """From each final record to the next owner record of its group."""
        gaps = []
        for final in self.finals:
            later = [o.at for o in self.owners if o.group == final.group and o.at >= final.at]
            if later:
                gaps.append(min(later) - final.at)
        return gaps

    def stepped(self) -> Positions:
        """Every alert before these offsets is published, by the newest journal records."""
        self._read_journal()
        return dict(self._stepped)

    def ends(self) -> Positions:
        """High watermarks of the raw topic; a broker that is late with them is asked again."""
        ends: Positions = {}
        why = "the broker does not say where the raw topic ends"
        wait_for(lambda: self._reads_ends(ends), _ENDS_S, why, self.settings)
        return ends

    def _reads_ends(self, ends: Positions) -> bool:
        topic = self.settings.transactions_topic
        try:
            for partition in range(self.settings.topic_partitions):
                ends[partition] = watermarks(self._consumer, topic, partition)[1]
        except KafkaException:  # on a starved machine a broker leads nothing for some seconds
            return False
        return True

    def sample(self, counted: Iterable[str] = TABLES) -> Sample:
        """Read everything now, and count the rows of the tables `counted`."""
        self._read_journal()
        tables = {name: self._tables[name] for name in counted}
        for table in tables.values():
            table.update_incremental()
        ends = self.ends()
        return Sample(
            at=time.time(),
            produced=sum(ends.values()),
            lag=sum(end - self._stepped.get(p, 0) for p, end in ends.items()),
            rows={name: table.count() for name, table in tables.items()},
            freshness_s=self._freshness(),
        )

    def has_committed(self, ends: Positions) -> bool:
        """True where every layer's table has passed `ends`."""
        return all(covers(self._versions(table), ends) for table in LAYERS.values())

    def _versions(self, table: str) -> Positions:
        versions = self._recorded[table].read(range(self.settings.topic_partitions))
        return {p: version for p, version in versions.items() if version is not None}

    def _freshness(self) -> dict[str, float]:
        now_ms = time.time() * 1000
        newest = {layer: self._seen[table].newest_ms() for layer, table in LAYERS.items()}
        return {
            layer: round((now_ms - at_ms) / 1000, 2)
            for layer, at_ms in newest.items()
            if at_ms is not None
        }

    def _read_journal(self) -> None:
        for entry in self._journal.poll(0.01):
            self._stepped.update(entry.stepped)
            if entry.kind == "owner":
                self.owners.append(entry)
            elif entry.kind == "final":
                self.finals.append(entry)
            elif entry.kind == "flush":
                for seen in self._seen.values():
                    seen.note(entry)
