"""An owner's journal: flush ranges join, wherever its stream stood when it took over."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fraudstream_platform.detection.step import Detector
from fraudstream_platform.drain.assignment import Assignment
from fraudstream_platform.drain.held import AlertRecord, Held
from fraudstream_platform.drain.journal import Entry, Term
from fraudstream_platform.drain.owner import Owner
from fraudstream_platform.drain.positions import Positions
from fraudstream_platform.drain.resume import standing_of
from fraudstream_platform.settings import Settings
from fraudstream_tests.unit.outputs import step_output

FIRST, FLUSHED, LAST = 40, {0: 100, 2: 60}, 160


@dataclass
class Ledger:
    """Keeps what is committed."""

    entries: list[Entry] = field(default_factory=list)
    alerts: list[AlertRecord] = field(default_factory=list)

    def commit(self, entries: Sequence[Entry], alerts: Sequence[AlertRecord], *_: Any) -> None:
        self.entries.extend(entries)
        self.alerts.extend(alerts)


class Journal:
    """One in which nobody else writes."""

    def follow(self, positions: Positions) -> None:
        """Nothing comes."""

    def end(self, _: int) -> int:
        return 0

    def poll(self, _: float) -> list[Entry]:
        return []


@dataclass
class Source:
    """Where the reading stands; the window's boundary is at `LAST`."""

    positions: Positions = field(default_factory=lambda: dict.fromkeys(FLUSHED, FIRST))
    bounds: Positions = field(default_factory=dict)

    @property
    def is_bounded(self) -> bool:
        return bool(self.bounds)


@dataclass
class Replaying:
    """A stream that still steps rows from `FIRST` on, one a partition at a time."""

    held: Held = field(default_factory=lambda: Held(FLUSHED, FLUSHED))
    source: Source = field(default_factory=Source)
    partitions: tuple[int, ...] = tuple(FLUSHED)
    detector: Detector = field(default_factory=lambda: Detector(quality_threshold=0.0))
    is_at_rest: bool = True
    told: int = 0

    def tell(self) -> None:
        self.told += 1

    def counts(self) -> dict[str, int]:
        return {"stepped_records": self.told}

    def advance(self) -> None:
        places = {p: range(offset, offset + 1) for p, offset in self.source.positions.items()}
        output = step_output(places)
        self.source.positions = output.positions
        self.held.add(output)
        if output.positions[0] == LAST:
            self.source.bounds = dict(output.positions)


def test_whoever_takes_over_before_it_has_caught_up_never_flushes_backwards(
    tmp_path: Path,
) -> None:
    """A range that ends before what is journaled joins nothing: no table would ever go on."""
    settings = Settings(_env_file=None, data_dir=tmp_path).model_copy(update={"flush_seconds": 0})
    now = round(time.time() * 1000)
    final = Entry("final", 0, Term(1, 1, 0), "before", now, FLUSHED, FLUSHED)
    ledger, stream = Ledger(), Replaying()
    assignment = Assignment(now, now + 3_600_000, 1, "run", 0, 2)
    owner = Owner(settings, assignment, ledger, Journal(), stream)  # type: ignore[arg-type]
    owner.take_over(standing_of([final]))
    owner.drain()
    owner.close()

    flushes = [entry for entry in ledger.entries if entry.kind == "flush"]
    reached: Positions = dict(FLUSHED)
    for entry in flushes:
        assert entry.start == reached
        assert all(entry.flushed[p] >= offset for p, offset in reached.items())
        reached = entry.flushed
    assert reached == dict.fromkeys(FLUSHED, LAST)
    rows = [f.rows for one in flushes for f in one.files if f.table == "bronze.transactions"]
    assert sum(rows) == sum(LAST - offset for offset in FLUSHED.values())


def test_what_is_published_is_journaled_as_stepped_while_the_next_batch_waits(
    tmp_path: Path,
) -> None:
    """Guards against alerts published twice: a successor steps from where the journal says.

    A batch is taken from the log and waits, for the registry or for what other tasks tell: where the
    reading stands is then further than the last step, whose alerts are due.
    """
    settings = Settings(_env_file=None, data_dir=tmp_path)
    now = round(time.time() * 1000)
    stream, ledger = Replaying(is_at_rest=False), Ledger()
    due = AlertRecord(0, 104, b"key", b"value", None)
    stream.held.add(step_output({0: range(100, 105), 2: range(60, 62)}, [due]))
    stream.source.positions = {0: 120, 2: 80}
    assignment = Assignment(now, now + 3_600_000, 1, "run", 0, 2)
    owner = Owner(settings, assignment, ledger, Journal(), stream)  # type: ignore[arg-type]
    final = Entry("final", 0, Term(1, 1, 0), "before", now, FLUSHED, FLUSHED)
    owner.take_over(standing_of([final]))
    owner.close()
    assert ledger.alerts == [due]
    assert ledger.entries[-1].stepped == {0: 105, 2: 62}
