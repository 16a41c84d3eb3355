"""Step outputs that are not journaled yet.

An owner holds rows until the flush that names their files is journaled; a standby holds rows and
alerts until the owner's records say that they are done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from fraudstream_platform.detection.exchange_touches import NO_TOUCHES, Touches
from fraudstream_platform.drain.positions import Positions, covers
from fraudstream_platform.lake.tables import DRAINED

Frames = dict[str, pl.DataFrame]


@dataclass(frozen=True)
class AlertRecord:
    """One encoded alert and the transaction that it stands for; `sent_at` in epoch ms."""

    partition: int
    offset: int
    key: bytes
    value: bytes
    sent_at: int | None


@dataclass(frozen=True)
class StepOutput:
    """Everything one step brought, and the positions after it."""

    positions: Positions
    frames: Frames
    alerts: Sequence[AlertRecord]
    seals: Sequence[tuple[str, bytes]]
    touches: Touches = NO_TOUCHES
    """What other tasks are to be told."""

    @cached_property
    def rows(self) -> int:
        """Rows of all frames."""
        return sum(frame.height for frame in self.frames.values())


@dataclass(frozen=True)
class HeldRows:
    """Rows of some outputs from given positions on; put together by whoever writes them."""

    start: Positions
    outputs: Sequence[StepOutput]

    def frames(self) -> Frames:
        """The rows by table, in their order."""
        return {table: self._rows_of(table) for table in DRAINED}

    def _rows_of(self, table: str) -> pl.DataFrame:
        frames = [o.frames[table] for o in self.outputs if o.frames[table].height]
        if not frames:
            return DRAINED[table].to_frame()
        rows = pl.concat(frames)
        first = rows["partition"].replace_strict(
            list(self.start), list(self.start.values()), return_dtype=pl.Int64
        )
        due = rows["offset"] >= first
        return rows if due.all() else rows.filter(due)


class Held:
    """Outputs between the journaled positions and the head of the stream."""

    def __init__(self, flushed: Positions, stepped: Positions) -> None:
        self.flushed = dict(flushed)
        self.stepped = dict(stepped)
        self.reached = dict(stepped)
        """Alerts of all outputs lie before these offsets, done or due."""
        self._outputs: list[StepOutput] = []
        self._alerts: list[AlertRecord] = []
        self._seals: list[tuple[str, bytes]] = []
        self.rows = 0

    def add(self, output: StepOutput) -> None:
        """Hold an output; parts that are already done are dropped here and never kept."""
        self._reach(output.positions)
        if not covers(self.flushed, output.positions):
            self._outputs.append(output)
            self.rows += output.rows
        self._alerts.extend(a for a in output.alerts if self._is_due(a))
        self._seals.extend(output.seals)

    def advance(self, flushed: Positions, stepped: Positions) -> None:
        """The journal says that rows before `flushed` and alerts before `stepped` are done."""
        self.flushed.update(flushed)
        self.stepped.update(stepped)
        self._reach(stepped)
        self._outputs = [o for o in self._outputs if not covers(self.flushed, o.positions)]
        self.rows = sum(output.rows for output in self._outputs)
        self._alerts = [a for a in self._alerts if self._is_due(a)]

    def due_alerts(self) -> list[AlertRecord]:
        """Alerts to publish now, oldest first."""
        return list(self._alerts)

    def due_seals(self) -> list[tuple[str, bytes]]:
        """Seals to publish now."""
        return list(self._seals)

    def published(self, alerts: Sequence[AlertRecord], seals: Sequence[tuple[str, bytes]]) -> None:
        """A transaction with these has been committed."""
        del self._alerts[: len(alerts)]
        del self._seals[: len(seals)]

    def rows_to_flush(self) -> HeldRows:
        """All held rows at or past `flushed`, as they are now."""
        return HeldRows(dict(self.flushed), tuple(self._outputs))

    def _is_due(self, alert: AlertRecord) -> bool:
        return alert.offset >= self.stepped[alert.partition]

    def _reach(self, positions: Positions) -> None:
        for partition, offset in positions.items():
            self.reached[partition] = max(offset, self.reached.get(partition, offset))
