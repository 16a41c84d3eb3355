"""Rebuilding hours of Silver, features and alerts from Bronze, with the step that ran live.

1. Note the files that the hours have now, then refuse hours that are not sealed.
2. In Spark, a group at a time: step all Bronze rows from the first hour on, in offset order, since
   state at an hour's start is what all earlier rows made of it, and beside them the touches that
   tasks told each other then; write the files of the asked hours, and tell each hour as it is done.
3. As soon as all groups have told an hour, the oldest first: replace the files noted by those
   written, table by table. An hour that has other files by then is left alone.

Under other rules the files are a candidate's (`lake.promoted`): its hours are replaced, the live ones
stay, and readers go on with them until it is promoted.

Each replacement records which version of the code made it, so that a rebuild that was cut short
goes on with the first hour that lacks it. Nothing here writes to Kafka. Rebuilt alerts stand in a
table of their own.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from fraudstream_platform.detection.rules import RULES, RuleSet
from fraudstream_platform.drain.bronze_steps import hours_upto
from fraudstream_platform.drain.rebuild_group import GroupTask
from fraudstream_platform.drain.rebuild_job import RebuildFailedError, RebuildJob
from fraudstream_platform.drain.rebuild_refused import (
    refuse_shown,
    refuse_unsealed,
    refuse_without_bronze,
    refuse_without_touches,
)
from fraudstream_platform.drain.rebuild_shares import Shares
from fraudstream_platform.drain.rebuild_version import rebuild_version
from fraudstream_platform.lake.audited import audited
from fraudstream_platform.lake.files import DataFile
from fraudstream_platform.lake.promote import create_candidate, of_candidate
from fraudstream_platform.lake.promoted import LIVE
from fraudstream_platform.lake.replace import hour_files, replace_hour
from fraudstream_platform.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_LOOK_EVERY_S = 0.5

Rows = dict[str, int]
"""Rows written, by table."""


@dataclass(frozen=True)
class Target:
    """Where rebuilt hours go, and which rules decide them."""

    candidate: str = LIVE
    rules: RuleSet = RULES


IN_PLACE = Target()
"""The live tables, by the rules in use."""


@dataclass(frozen=True)
class Progress:
    """How far a rebuild has come. A share is one group's part of one hour."""

    shares: int
    """Shares stepped so far; those of earlier hours, which only state needs, count too."""
    of_shares: int
    replaced: str | None = None
    """The hour that was just replaced in every table."""
    rows: Rows | None = None
    """Rows that it has now."""


def rebuild_hours(
    settings: Settings,
    spark: SparkSession,
    hours: Iterable[str],
    tables: Collection[str],
    tell: Callable[[Progress], None] = lambda _: None,
    target: Target = IN_PLACE,
) -> dict[str, Rows]:
    """Rebuild `tables` (of REBUILDABLE) of sealed hours; rows written by hour and table.

    Audited. Raises HourRefusedError, with nothing changed, where one of `hours` may still get rows,
    has none in Bronze, or is promoted, or was decided by other rules than would replace it;
    HourChangedError and RebuildFailedError, with the hours before replaced.
    """
    asked = sorted(hours)
    refuse_shown(settings, asked, target.candidate, target.rules.version)
    told = ", ".join(sorted(tables))
    if target.candidate != LIVE:
        told = f"{told}; candidate {target.candidate}, rules {target.rules.version}"
        create_candidate(settings, target.candidate)
    with audited(settings, "rebuild", ", ".join(asked), told):
        into = of_candidate(settings, target.candidate)
        seen = {(hour, table): hour_files(into, table, hour) for hour in asked for table in tables}
        refuse_unsealed(settings, asked[-1])
        refuse_without_bronze(settings, asked)
        refuse_without_touches(settings, asked[-1])
        return _Rebuild(settings, asked, tables, seen, tell, target).run(spark)


class _Rebuild:
    """One job, and the replacements that follow it."""

    def __init__(
        self,
        settings: Settings,
        hours: Sequence[str],
        tables: Collection[str],
        seen: dict[tuple[str, str], frozenset[str]],
        tell: Callable[[Progress], None],
        target: Target,
    ) -> None:
        self._settings = settings
        self._into = of_candidate(settings, target.candidate)
        self._target = target
        self._hours = hours
        self._tables = tuple(tables)
        self._seen = seen
        self._tell = tell
        self._version = rebuild_version(settings, target.rules)
        self._shares = Shares(settings.data_dir.resolve() / "rebuilds" / uuid.uuid4().hex)
        self._of_shares = len(hours_upto(settings, hours[-1])) * settings.drain_groups

    def run(self, spark: SparkSession) -> dict[str, Rows]:
        """Rows written, once every hour is replaced."""
        rows: dict[str, Rows] = {}
        waiting = list(self._hours)
        self._shares.create()
        try:
            with RebuildJob(spark, self._task()) as job:
                has_ended = False
                while waiting:
                    has_ended = has_ended or job.has_ended(_LOOK_EVERY_S)
                    self._tell(self._progress())
                    while waiting and (files := self._told(waiting[0])) is not None:
                        hour = waiting.pop(0)
                        rows[hour] = self._replace(hour, files)
                        self._tell(self._progress(hour, rows[hour]))
                    if has_ended and waiting:
                        raise RebuildFailedError(
                            f"no task told of hour {waiting[0]} in {self._shares.folder}: DATA_DIR "
                            "must be one folder to Spark's workers and to this process"
                        )
        finally:
            self._shares.remove()
        return rows

    def _task(self) -> GroupTask:
        return GroupTask(
            folder=str(self._shares.folder),
            hours=tuple(self._hours),
            tables=self._tables,
            group=0,
            groups=self._settings.drain_groups,
            candidate=self._target.candidate,
            rules=asdict(self._target.rules),
        )

    def _told(self, hour: str) -> list[DataFile] | None:
        return self._shares.of_hour(hour, self._settings.drain_groups)

    def _replace(self, hour: str, files: Sequence[DataFile]) -> Rows:
        by_table: dict[str, list[DataFile]] = defaultdict(list)
        for file in files:
            by_table[file.table].append(file)
        for table in self._tables:
            seen = self._seen[hour, table]
            replace_hour(self._into, table, hour, by_table[table], seen, self._version)
        return {table: sum(file.rows for file in by_table[table]) for table in self._tables}

    def _progress(self, replaced: str | None = None, rows: Rows | None = None) -> Progress:
        return Progress(self._shares.count(), self._of_shares, replaced, rows)
