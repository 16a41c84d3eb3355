"""The checker of the fault trials on a made-up end state: every kind of damage has to be named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from fraudstream_platform.contracts.tables import ALERT_SCHEMA
from fraudstream_platform.detection import alerts, cases
from fraudstream_platform.detection.exchange_touches import NO_TOUCHES
from fraudstream_platform.detection.patterns import (
    card_testing,
    impossible_geography,
    velocity_attack,
)
from fraudstream_platform.detection.patterns.base import graded
from fraudstream_platform.drain.touches import columns_of
from fraudstream_platform.lake.tables import ALERTS, DRAINED
from fraudstream_tests.faults.checker import Checker, Sources
from fraudstream_tests.faults.expected import FEATURES, Record
from fraudstream_tests.faults.feed import SEQUENCE, Sent
from fraudstream_tests.unit.test_faults_oracle import (
    PARTITIONS,
    SCHEMA_ID,
    SETTINGS,
    sent,
    stepped,
)

Tables = dict[str, pl.DataFrame]
HALF = 60


class Topic:
    """A topic of given messages."""

    def __init__(self, messages: list[Any], partitions: int) -> None:
        self._messages = messages
        self.positions = dict.fromkeys(range(partitions), 0)

    def read(self, upto: dict[int, int] | None = None) -> Iterator[Any]:
        for one in self._messages:
            partition, offset = one.partition(), one.offset()
            if self.positions[partition] <= offset < (upto or {}).get(partition, 10**9):
                self.positions[partition] = offset + 1
                yield one


def message(place: tuple[int, int], at: int, key: Any, value: Any, number: int = -1) -> Any:
    return SimpleNamespace(
        partition=lambda: place[0],
        offset=lambda: place[1],
        timestamp=lambda: (2, at),
        key=lambda: key,
        value=lambda: value,
        headers=lambda: [(SEQUENCE, str(number).encode())],
    )


@pytest.fixture(scope="module")
def whole() -> tuple[list[Record], Tables]:
    records = sent()
    tables = stepped(records)
    by_topic = tables[ALERTS].with_row_index("topic_offset")
    tables[ALERTS] = by_topic.with_columns(topic_partition=pl.lit(0, pl.Int32))
    return records, tables


def problems(
    records: list[Record], tables: Tables, file: Path, topic: list[Any], more: int = 0
) -> list[str]:
    """What is found in two rounds, the first over the first records of each partition, and before
    anything was committed.

    The source says that it sent `more` than the log has.
    """
    said = [*records, *records[:more]]
    lines = [Sent(n, "", one.key, one.value).to_line() for n, one in enumerate(said)]
    file.write_text("".join(lines))
    raw = [
        message(one.place, one.append_ms, one.key, one.value, n) for n, one in enumerate(records)
    ]
    told = [message((0, n), 0, None, alert) for n, alert in enumerate(topic)]
    sources = Sources(
        Topic(raw, PARTITIONS),  # type: ignore[arg-type]
        Topic([], 1),  # type: ignore[arg-type]
        Topic(told, 1),  # type: ignore[arg-type]
        lambda _: (columns_of(NO_TOUCHES), np.zeros(0, np.int64)),
        lambda alert: alert,  # type: ignore[arg-type, return-value]
        lambda table: tables[table].lazy(),
    )
    checker = Checker(SETTINGS, sources, SCHEMA_ID, file)
    ends = {p: 1 + max(r.offset for r in records if r.partition == p) for p in range(PARTITIONS)}
    assert checker.check({}).problems == []
    first = checker.check({p: min(HALF, end) for p, end in ends.items()})
    last = checker.check(ends, is_last=True)
    return [*first.problems, *last.problems]


def on_topic(tables: Tables) -> list[dict[str, Any]]:
    return tables[ALERTS].drop("topic_partition", "topic_offset", "hour").rows(named=True)


def test_a_sound_end_state_has_no_problems(
    whole: tuple[list[Record], Tables], tmp_path: Path
) -> None:
    """Guards against trials that fail of their own checker."""
    records, tables = whole
    assert tables[ALERTS].height > 3
    assert problems(records, tables, tmp_path / "sent", on_topic(tables)) == []


@pytest.mark.parametrize("table", [*DRAINED, ALERTS])
def test_a_lost_and_a_doubled_row_of_each_table_are_found(
    whole: tuple[list[Record], Tables], tmp_path: Path, table: str
) -> None:
    """One row too many must not make up for one that is missing."""
    records, tables = whole
    bad = pl.concat([tables[table][1:], tables[table][-1:]])
    found = problems(records, tables | {table: bad}, tmp_path / "sent", on_topic(tables))
    named = " ".join(one for one in found if one.startswith((table, "alert table")))
    assert "is missing" in named
    assert "is there twice" in named


@pytest.mark.parametrize("damage", ["lost", "doubled", "changed", "invented"])
def test_a_wrong_alert_on_the_topic_is_found(
    whole: tuple[list[Record], Tables], tmp_path: Path, damage: str
) -> None:
    """Topic and table may agree and both be wrong."""
    records, tables = whole
    topic = on_topic(tables)
    others = [row for row in tables[FEATURES].rows(named=True) if row["case_id"] is None]
    place = {name: others[0][name] for name in ("partition", "offset")}
    changed = {
        "lost": topic[:-1],
        "doubled": [*topic, topic[0]],
        "changed": [topic[0] | {"score": 1}, *topic[1:]],
        "invented": [*topic, topic[0] | {"alert_id": "another"} | place],
    }[damage]
    table = pl.DataFrame(changed, ALERT_SCHEMA, orient="row").with_row_index("topic_offset")
    table = table.with_columns(topic_partition=pl.lit(0, pl.Int32))
    found = problems(records, tables | {ALERTS: table}, tmp_path / "sent", changed)
    assert any("alert" in one for one in found)


def test_a_record_that_never_arrived_is_found(
    whole: tuple[list[Record], Tables], tmp_path: Path
) -> None:
    """What the source sent and the log lacks is lost, though all tables agree with the log."""
    records, tables = whole
    found = problems(records, tables, tmp_path / "sent", on_topic(tables), more=1)
    assert [one.split(":")[0] for one in found] == ["sent and never stored"]


def wrong_score(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evidence counts for a tenth less."""
    for pattern in (card_testing, velocity_attack, impossible_geography):
        monkeypatch.setattr(pattern, "graded", lambda ok, all_of, s: graded(ok, 0.9 * all_of, s))


def wrong_alert(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every alert is told to be severe."""
    monkeypatch.setattr(alerts, "severity", lambda score, rules: "critical")


def wrong_suppression(monkeypatch: pytest.MonkeyPatch) -> None:
    """A score five points higher is news."""
    monkeypatch.setattr(cases, "SCORE_NEWS", 5)


@pytest.mark.parametrize(
    ("plant", "named"),
    [
        (wrong_score, {FEATURES, "alerts"}),
        (wrong_alert, {"alerts"}),
        (wrong_suppression, {FEATURES, "alerts"}),
    ],
)
def test_a_mistake_of_the_detector_itself_is_found(
    plant: Callable[[pytest.MonkeyPatch], None],
    named: set[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A replay by the same detector repeats its mistake: only the oracle tells."""
    plant(monkeypatch)
    records = sent()
    tables = stepped(records)
    by_topic = tables[ALERTS].with_row_index("topic_offset")
    tables[ALERTS] = by_topic.with_columns(topic_partition=pl.lit(0, pl.Int32))
    found = problems(records, tables, tmp_path / "sent", on_topic(tables))
    assert {one.split(":")[0] for one in found} == named
