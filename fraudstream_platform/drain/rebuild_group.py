"""One group's part of a rebuild, in a process of its own that a Spark task starts and waits for.

Spark's Python workers are used again by owners: a priority once lowered could not be raised, and
the state of a long history would stay in memory. A process has both to itself, and ends with its
task, since its standard input closes then.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from fraudstream_platform.detection.rules import RULES, rules_from
from fraudstream_platform.drain.bronze_steps import hours_upto, steps_of, turns_of
from fraudstream_platform.drain.positions import group_partitions
from fraudstream_platform.drain.priority import BATCH_NICE, own_session
from fraudstream_platform.drain.rebuild_shares import Shares
from fraudstream_platform.drain.reshard_state import step_past
from fraudstream_platform.drain.resharded import Stretch, reshards, stretches
from fraudstream_platform.drain.touches import kept_touches
from fraudstream_platform.lake.files import DataFile, write_file
from fraudstream_platform.lake.promote import of_candidate
from fraudstream_platform.lake.promoted import LIVE
from fraudstream_platform.lake.tables import REBUILT_ALERTS
from fraudstream_platform.settings import Settings, get_settings

if TYPE_CHECKING:
    from fraudstream_platform.detection.step import StepResult

_FILE_ROWS = 100_000
_HEARD_MS = 2 * 86_400_000
"""What tasks told each other counts for a day; a state in the middle of the log hears two of them."""
_TOLD = 2_000
"""Characters of a failed process's last words that its task passes on."""


class GroupFailedError(RuntimeError):
    """The process of a group ended with an error; the message has its last words."""


@dataclass(frozen=True)
class GroupTask:
    """Which rows to step, and what to write of them."""

    folder: str
    """Where `Shares` are told."""
    hours: Sequence[str]
    tables: Sequence[str]
    group: int
    groups: int
    candidate: str = LIVE
    """Whose tables the files are for."""
    rules: Mapping[str, Any] = field(default_factory=lambda: asdict(RULES))
    """The rule set that decides, as a mapping."""


def run_group(task: GroupTask) -> None:
    """Start the group's process and wait for its end; raises GroupFailedError."""
    held, release = os.pipe()
    command = [sys.executable, "-m", "fraudstream_platform.drain.rebuild_group"]
    process = subprocess.Popen(
        [*command, json.dumps(asdict(task))], stdin=held, stderr=subprocess.PIPE, text=True
    )
    os.close(held)
    try:
        _, words = process.communicate()
    finally:
        os.close(release)  # where this is an error's way out, the process ends of it
        process.wait()
    if process.returncode != 0:
        raise GroupFailedError(f"group {task.group}: {words.strip()[-_TOLD:]}")


def rebuild_group(settings: Settings, task: GroupTask) -> None:
    """Step the group's Bronze rows from the first hour on; tell every hour as it is done."""
    shares = Shares(Path(task.folder))
    target = of_candidate(settings, task.candidate)
    outputs = {
        hour: _Output(target, hour, task.tables)
        for hour in task.hours
        if not shares.is_told(hour, task.group)
    }
    hours = hours_upto(settings, task.hours[-1])
    for stretch in stretches(reshards(settings), settings.topic_partitions):
        inside = stretch.hours_of(hours)
        if outputs.keys().isdisjoint(inside):
            continue
        for hour in _step_stretch(settings, task, stretch, inside, outputs):
            if not shares.is_told(hour, task.group):
                output = outputs.get(hour)
                shares.tell(hour, task.group, output.close() if output is not None else [])


def _step_stretch(
    settings: Settings,
    task: GroupTask,
    stretch: Stretch,
    hours: Sequence[str],
    outputs: Mapping[str, _Output],
) -> Iterator[str]:
    """Step a stretch's rows by its own state; hours as they are done."""
    from fraudstream_platform.detection.step import Detector  # compiled kernels, here alone

    detector = Detector(
        rules=rules_from(task.rules),
        quality_threshold=settings.silver_quality_threshold,
        oldest_event_days=settings.oldest_event_days,
    )
    partitions = group_partitions(task.group, task.groups, stretch.partitions)
    heard_ms = 0
    if stretch.begins is not None:
        step_past(settings, detector, stretch.begins.upto, partitions)
        heard_ms = stretch.begins.at_ms - _HEARD_MS
    for hour in hours:
        for turn in turns_of(settings, hour, partitions):
            detector.exchange.accept(*kept_touches(settings, heard_ms, turn.until_ms))
            heard_ms = max(heard_ms, turn.until_ms)
            for partition, offsets in turn.offsets.items():
                for rows in steps_of(settings, hour, partition, stretch.clip(partition, offsets)):
                    result = detector.step(rows, hour)
                    if hour in outputs:
                        outputs[hour].add(result)
        if stretch.ends is None or hour < stretch.ends.hour:
            yield hour  # else the stretch that follows has rows of it, too


class _Output:
    """Rows of one hour, written whenever there are enough for a file."""

    def __init__(self, settings: Settings, hour: str, tables: Sequence[str]) -> None:
        self._settings = settings
        self._hour = hour
        self._kept: dict[str, list[pl.DataFrame]] = {table: [] for table in tables}
        self._files: list[DataFile] = []

    def add(self, result: StepResult) -> None:
        """Keep what is asked for of a step."""
        frames = {
            "silver.transactions": result.silver,
            "silver.quarantine": result.quarantine,
            "gold.features": result.features,
            REBUILT_ALERTS: result.alerts,
        }
        for table, kept in self._kept.items():
            kept.append(frames[table])
            if sum(frame.height for frame in kept) >= _FILE_ROWS:
                self._write(table)

    def close(self) -> list[DataFile]:
        """Write the rest; all files of the hour."""
        for table in self._kept:
            self._write(table)
        return self._files

    def _write(self, table: str) -> None:
        frames, self._kept[table] = self._kept[table], []
        filled = [frame for frame in frames if frame.height]
        if filled:
            rows = pl.concat(filled)
            self._files.append(write_file(self._settings, table, self._hour, rows))


def _end_with_the_task() -> None:
    """Nothing is ever written to standard input: its end is the task's."""
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    own_session(BATCH_NICE)
    threading.Thread(target=_end_with_the_task, daemon=True).start()
    rebuild_group(get_settings(), GroupTask(**json.loads(sys.argv[1])))
