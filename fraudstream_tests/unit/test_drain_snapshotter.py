"""Snapshots taken while the stream goes on: each partition stands where it was copied."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from fraudstream_platform.contracts.tables import BRONZE_SCHEMA
from fraudstream_platform.detection.sample import sample_row, token
from fraudstream_platform.detection.step import Detector
from fraudstream_platform.drain.positions import Positions
from fraudstream_platform.drain.snapshot import restore
from fraudstream_platform.drain.snapshotter import Snapshotter
from fraudstream_platform.settings import Settings

PARTITIONS = (0, 1)


@dataclass
class Source:
    """Where the reading stands."""

    positions: Positions = field(default_factory=lambda: dict.fromkeys(PARTITIONS, 0))


@dataclass
class Going:
    """What a snapshotter asks of a stream."""

    partitions: tuple[int, ...] = PARTITIONS
    source: Source = field(default_factory=Source)
    is_at_rest: bool = True
    detector: Detector = field(default_factory=lambda: Detector(quality_threshold=0.0))

    def step(self, rows: list[dict[str, Any]]) -> None:
        """A detector that is told nothing but the touches of this step before."""
        touches = self.detector.step(pl.DataFrame(rows, schema=BRONZE_SCHEMA), "h").touches
        self.detector.exchange.accept(touches, np.full(len(touches), 10**12))
        for row in rows:
            self.source.positions[row["partition"]] = row["offset"] + 1


def rows_of(first: int, count: int) -> list[dict[str, Any]]:
    """`count` rows from offset `first` on in each partition, of a few cards."""
    return [
        sample_row(
            n,
            partition=partition,
            offset=n,
            transaction_id=f"t-{partition}-{n}",
            card=token("ca", 10 * partition + n % 3),
            customer=token("cu", 10 * partition + n % 3),
        )
        for n in range(first, first + count)
        for partition in PARTITIONS
    ]


def assert_same(one: Detector, other: Detector) -> None:
    for partition in PARTITIONS:
        left, right = one.export_state(partition), other.export_state(partition)
        assert left.keys() == right.keys()
        for name, array in left.items():
            np.testing.assert_array_equal(array, right[name], err_msg=f"{partition} {name}")
    left, right = one.exchange.dump(), other.exchange.dump()
    assert left.keys() == right.keys()
    for name, array in left.items():
        np.testing.assert_array_equal(array, right[name], err_msg=name)


def test_a_state_restored_at_several_positions_goes_on_alike(tmp_path: Path) -> None:
    """Guards against a snapshot that says one position for partitions that stand at others."""
    stream = Going()
    snapshotter = Snapshotter(Settings(_env_file=None, data_dir=tmp_path), 0, stream)  # type: ignore[arg-type]
    rows = rows_of(0, 60)
    stream.step(rows[:40])
    assert snapshotter.begin()
    snapshotter.advance()
    assert not snapshotter.begin()  # one at a time
    stream.step(rows[40:80])
    stream.is_at_rest = False
    snapshotter.advance()  # a batch is in hand: the state is between two positions
    stream.is_at_rest = True
    snapshotter.advance()
    snapshotter.advance()  # the exchange
    stream.step(rows[80:])
    snapshotter.close()

    assert snapshotter.take({0: 39, 1: 40}) is None  # a row before it is in no journaled file yet
    ref = snapshotter.take({0: 40, 1: 40})
    assert ref is not None
    assert sorted(ref.positions.values()) == [20, 40]
    assert snapshotter.take({0: 60, 1: 60}) is None

    second = Going()
    positions = restore(second.detector, PARTITIONS, [ref])
    assert positions == ref.positions
    second.step([row for row in rows if row["offset"] >= ref.positions[row["partition"]]])
    assert_same(stream.detector, second.detector)
