"""Compares the whole end state with what it shall be, round by round, in a process of its own.

1. Every record that was sent is on the raw topic, once, in its order, bit by bit.
2. Every table holds the rows that the naive oracle makes of the records, once, with all values,
   scores and cases included.
3. The alerts on the topic (read_committed) are the oracle's, once, and so is their table.
4. Features are bit by bit those of an undisturbed replay in other steps, and alerts to the letter.

A round compares the rows that came since the one before, and counts all.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fraudstream_platform.connection import registry_client
from fraudstream_platform.detection.rules import RULES, RULES_DIR
from fraudstream_platform.drain.follower import alert_reader
from fraudstream_platform.drain.positions import Positions
from fraudstream_platform.drain.touches import Columns, TouchReader
from fraudstream_platform.lake.tables import ALERTS, DRAINED, scan
from fraudstream_platform.settings import PROJECT_ROOT, Settings
from fraudstream_platform.simulator.producer import schema_id
from fraudstream_tests.faults.alert_checks import AlertChecks
from fraudstream_tests.faults.compare import differences, unlike, unlike_alerts
from fraudstream_tests.faults.expected import (
    BRONZE,
    FEATURES,
    Expected,
    Place,
    Record,
    Row,
    Told,
)
from fraudstream_tests.faults.feed import SEQUENCE, Sent
from fraudstream_tests.faults.level import Level
from fraudstream_tests.faults.replayed import Replayed
from fraudstream_tests.faults.topics import Topic
from fraudstream_tests.oracle.detection import Detection

_MOST_NAMED = 5
_SETTLED_MS = 10_000
"""Longer than append times step back in a trial: no record comes before those that are older."""


@dataclass
class Report:
    """What a check found: rows compared so far, by what they are; and what is wrong."""

    compared: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def note(self, what: str, offences: Iterable[str]) -> None:
        """Name some of the offences."""
        listed = list(offences)
        if listed:
            named = "; ".join(listed[:_MOST_NAMED])
            self.problems.append(f"{what}: {len(listed)} offences: {named}")


@dataclass(frozen=True)
class Sources:
    """Where the end state is read."""

    raw: Topic
    entities: Topic
    alerts: Topic
    read_touches: Callable[[list[bytes]], tuple[Columns, NDArray[np.int64]]]
    read_alert: Callable[[bytes], Row]
    rows_of: Callable[[str], pl.LazyFrame]
    """The rows of a table."""


def checker_of(settings: Settings, sent: Path) -> Checker:
    """The checker of a running stack; `sent` is the source's file."""
    registry = registry_client(settings)
    sources = Sources(
        Topic(settings, settings.transactions_topic),
        Topic(settings, settings.entities_topic),
        Topic(settings, settings.fraud_alerts_topic),
        TouchReader(settings).read,
        alert_reader(settings),
        lambda table: scan(settings, table),
    )
    number = schema_id(registry, settings.transactions_topic, "transaction")
    return Checker(settings, sources, number, sent)


class Checker:
    """Remembers what was compared; holds the oracles' states."""

    def __init__(self, settings: Settings, sources: Sources, schema_id: int, sent: Path) -> None:
        self._sources = sources
        self._expected = Expected(
            PROJECT_ROOT / "schemas" / "transaction.avsc",
            schema_id,
            settings.vault_key.get_secret_value(),
            settings.silver_quality_threshold,
            settings.oldest_event_days,
            Detection(RULES_DIR / "default.yaml", RULES.version),
        )
        self._replayed = Replayed(settings)
        self._level = Level(len(sources.raw.positions))
        self._file = sent.open()
        self._unseen: dict[int, Sent] = {}
        self._newest: dict[int, int] = {}
        self._rows: Counter[str] = Counter()
        self._alerts = AlertChecks()
        self.troubles: Counter[str] = Counter()

    def check(self, upto: Positions, *, is_last: bool = False) -> Report:
        """Compare what lies before `upto`, which all tables have passed, as far as it is settled.

        `is_last`: nothing more was sent, so nothing may be left over anywhere.
        """
        report = Report()
        if not upto:  # nothing is committed yet
            return report
        self._read(report)
        since = dict(self._level.passed)
        settled = inf if is_last else time.time() * 1000 - _SETTLED_MS
        records = self._level.take(upto, settled)
        upto = dict(self._level.passed)
        self._listen()
        rows: dict[str, dict[Place, Row]] = {table: {} for table in (*DRAINED, ALERTS)}
        for record in records:
            for table, row in self._expected.rows(record).items():
                rows[table][record.place] = row
        features, alerts = self._replayed.step(list(rows[BRONZE].values()))
        for table in DRAINED:
            self._rows[table] += len(rows[table])
            found = self._table(table, since, upto)
            report.note(table, differences(table, rows[table], found, self._expected.opened))
            if table == FEATURES:
                report.note("features of the replay", unlike(features, found))
        self._count(upto, report)
        self._compare_alerts(rows[ALERTS], alerts, upto, report, is_last=is_last)
        if is_last:
            report.note("sent and never stored", (f"{n}" for n in self._unseen))
        report.compared = Counter(self._rows)
        report.compared["alerts"] = self._alerts.count
        return report

    def _read(self, report: Report) -> None:
        """What is on the raw topic by now, held against what was sent."""
        messages = list(self._sources.raw.read())
        # The source writes down what it sends before it does: read later, the file has all of it.
        for line in self._file:
            one = Sent.of_line(line)
            self._unseen[one.sequence] = one
        offences: list[str] = []
        for message in messages:
            record = Record(
                message.partition() or 0,
                message.offset() or 0,
                message.timestamp()[1],
                message.key(),
                message.value() or b"",
            )
            self._level.add(record)
            number = int(dict(message.headers() or {})[SEQUENCE] or -1)
            sent = self._unseen.pop(number, None)
            if sent is None:
                offences.append(f"{record.place}: {number} is there twice, or was never sent")
            elif (sent.key, sent.value) != (record.key, record.value):
                offences.append(f"{record.place}: {number} is not what was sent")
            else:
                self.troubles[sent.trouble] += 1
            if number < self._newest.get(record.partition, -1):
                offences.append(f"{record.place}: {number} comes late")
            self._newest[record.partition] = number
        report.note("raw topic", offences)

    def _listen(self) -> None:
        values: list[bytes] = []
        appended: list[int] = []
        for message in self._sources.entities.read():
            values.append(message.value() or b"")
            appended.append(message.timestamp()[1])
        if not values:
            return
        columns, counts = self._sources.read_touches(values)
        moments = np.repeat(np.array(appended, np.int64), counts).tolist()
        names = ("partition", "offset", "merchant")
        places = zip(moments, *(columns[name].tolist() for name in names), strict=True)
        for moment, partition, offset, merchant in places:
            self._expected.hear(Told(moment, (partition, offset), bool(merchant)))
        self._replayed.hear(columns, moments)

    def _table(self, table: str, since: Positions, upto: Positions) -> pl.DataFrame:
        """Rows of the stretch, in the order of their places."""
        due = pl.any_horizontal(
            (pl.col("partition") == p)
            & (pl.col("offset") >= since[p])
            & (pl.col("offset") < upto[p])
            for p in upto
        )
        return self._sources.rows_of(table).filter(due).collect().sort("partition", "offset")

    def _count(self, upto: Positions, report: Report) -> None:
        """No row of an earlier round was lost since, or came twice."""
        offences = []
        for table in DRAINED:
            below = pl.any_horizontal(
                (pl.col("partition") == p) & (pl.col("offset") < end) for p, end in upto.items()
            )
            places = self._sources.rows_of(table).filter(below).select("partition", "offset")
            found = places.collect()
            if found.height != self._rows[table] or found.is_duplicated().any():
                offences.append(f"{table}: {found.height} rows for {self._rows[table]}")
        report.note("counts", offences)

    def _compare_alerts(
        self,
        expected: dict[Place, Row],
        replayed: pl.DataFrame,
        upto: Positions,
        report: Report,
        *,
        is_last: bool,
    ) -> None:
        for message in self._sources.alerts.read():
            place = (message.partition() or 0, message.offset() or 0)
            self._alerts.hear(place, self._sources.read_alert(message.value() or b""))
        report.note("alerts twice on the topic", self._alerts.doubled())
        found = self._alerts.take(upto)
        report.note("alerts", unlike_alerts(expected, found, to_the_bit=False))
        again = {
            (row["partition"], row["offset"]): {n: v for n, v in row.items() if n != "lake_hour"}
            for row in replayed.iter_rows(named=True)
        }
        report.note("alerts of the replay", unlike_alerts(again, found, to_the_bit=True))
        in_table = self._sources.rows_of(ALERTS).collect()
        report.note("alert table", self._alerts.unlike_table(in_table, is_last=is_last))
