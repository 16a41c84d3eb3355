"""A rebuild from Bronze to the replaced hours, without a broker or Spark's server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

from fraudstream_platform.contracts.tables import BRONZE_SCHEMA
from fraudstream_platform.detection.rules import RULES
from fraudstream_platform.detection.sample import START, bronze, sample_row, token
from fraudstream_platform.detection.step import Detector
from fraudstream_platform.drain import rebuild
from fraudstream_platform.drain.rebuild import Progress, Target, rebuild_hours
from fraudstream_platform.drain.rebuild_job import RebuildFailedError
from fraudstream_platform.drain.rebuild_refused import HourRefusedError
from fraudstream_platform.drain.rebuild_version import hours_done, rebuild_version
from fraudstream_platform.lake.files import write_file
from fraudstream_platform.lake.promote import of_candidate
from fraudstream_platform.lake.replace import replace_hour
from fraudstream_platform.lake.tables import HOUR, create_tables, scan
from fraudstream_platform.settings import Settings, get_settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.unit

HOURS = ["2026-03-01T00", "2026-03-01T01"]
TABLES = ("silver.transactions", "gold.features")
Batches = Iterable[pa.RecordBatch]


class OneThread:
    """Spark's part: the job's function over one batch a group, one after the other."""

    def __init__(self, *, tasks_run: bool = True) -> None:
        self._tasks_run = tasks_run
        self._groups: range = range(0)
        self._function: Callable[[Batches], Batches] = iter

    def addTag(self, tag: str) -> None:  # noqa: N802 - the name is Spark's
        """Nothing to do in one thread."""

    def interruptTag(self, tag: str) -> None:  # noqa: N802 - the name is Spark's
        """Nothing to do in one thread."""

    def range(self, start: int, end: int, step: int, slices: int) -> OneThread:
        self._groups = range(start, end, step)
        return self

    def mapInArrow(self, function: Callable[[Batches], Batches], schema: str) -> OneThread:  # noqa: N802 - the name is Spark's
        self._function = function
        return self

    def collect(self) -> list[pa.RecordBatch]:
        return list(self._function(self._batches())) if self._tasks_run else []

    def _batches(self) -> Iterator[pa.RecordBatch]:
        for group in self._groups:
            yield pa.RecordBatch.from_arrays([pa.array([group], pa.int64())], names=["id"])


def spark_of(fake: OneThread) -> SparkSession:
    return cast("SparkSession", fake)


def rows_of(number: int) -> pl.DataFrame:
    """Twenty rows of three cards, a minute apart, in the hour of that number."""
    start = START + timedelta(hours=number)
    return bronze(
        [
            sample_row(
                partition=0,
                offset=100 * number + row,
                transaction_id=f"t-{number}-{row}",
                card=token("ca", row % 3),
                append_time=start + timedelta(minutes=row),
                sent_at=start + timedelta(minutes=row),
                event_time=start + timedelta(minutes=row),
            )
            for row in range(20)
        ]
    ).select(list(BRONZE_SCHEMA))


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Two hours in Bronze, of one group; nothing asks a broker whether they are sealed."""
    for name, value in {"DATA_DIR": str(tmp_path), "DRAIN_GROUPS": "1"}.items():
        monkeypatch.setenv(name, value)  # for the group's process
    monkeypatch.setattr(rebuild, "refuse_unsealed", lambda *_: None)
    monkeypatch.setattr(rebuild, "refuse_without_touches", lambda *_: None)
    get_settings.cache_clear()
    found = get_settings()
    create_tables(found)
    for number, hour in enumerate(HOURS):
        file = write_file(found, "bronze.transactions", hour, rows_of(number))
        replace_hour(found, "bronze.transactions", hour, [file], set(), 0)
    yield found
    get_settings.cache_clear()


def held(settings: Settings, table: str, hour: str) -> pl.DataFrame:
    rows: pl.DataFrame = scan(settings, table).filter(pl.col(HOUR) == hour).collect()
    return rows.drop(HOUR).sort("partition", "offset")


def test_a_rebuild_that_is_cut_short_keeps_its_hours_and_goes_on_with_the_next(
    settings: Settings,
) -> None:
    """Guards against a kill that loses hours of work, and a resumed hour without earlier state."""

    def cut_short(progress: Progress) -> None:
        if progress.replaced is not None:
            raise KeyboardInterrupt

    spark, version = spark_of(OneThread()), rebuild_version(settings)
    with pytest.raises(KeyboardInterrupt):
        rebuild_hours(settings, spark, HOURS, TABLES, cut_short)
    assert hours_done(settings, HOURS, TABLES, version) == HOURS[:1]

    told: list[Progress] = []
    rows = rebuild_hours(settings, spark, HOURS[1:], TABLES, told.append)
    assert rows == {HOURS[1]: dict.fromkeys(TABLES, 20)}
    assert hours_done(settings, HOURS, TABLES, version) == HOURS
    assert (told[-1].shares, told[-1].of_shares, told[-1].replaced) == (2, 2, HOURS[1])
    assert list((settings.data_dir / "rebuilds").iterdir()) == []

    detector = Detector(quality_threshold=settings.silver_quality_threshold)
    for number, hour in enumerate(HOURS):
        live = detector.step(rows_of(number), hour)
        expected = dict(zip(TABLES, (live.silver, live.features), strict=True))
        for table, frame in expected.items():
            found = held(settings, table, hour)
            wanted = frame.sort("partition", "offset").select(found.columns)
            assert_frame_equal(found.cast(wanted.schema), wanted, check_exact=True)


def test_a_candidate_stands_beside_and_is_decided_by_its_own_rules(settings: Settings) -> None:
    """Guards against a changed rule set that replaces live rows, or that decides nothing."""
    spark = spark_of(OneThread())
    rebuild_hours(settings, spark, HOURS[:1], TABLES)
    rules = replace(RULES, name="strict")
    with pytest.raises(HourRefusedError, match="--as NAME"):
        rebuild_hours(settings, spark, HOURS[:1], TABLES, target=Target(rules=rules))

    rebuild_hours(settings, spark, HOURS, TABLES, target=Target("strict", rules))
    own = of_candidate(settings, "strict")
    assert hours_done(own, HOURS, TABLES, rebuild_version(settings, rules)) == HOURS
    assert held(own, TABLES[1], HOURS[0])["rules_version"].unique().to_list() == [rules.version]
    assert held(settings, TABLES[1], HOURS[0])["rules_version"].unique().to_list() == [
        RULES.version
    ]
    assert held(settings, TABLES[1], HOURS[1]).height == 0


def test_tasks_that_tell_nothing_here_are_an_error_that_names_the_folder(
    settings: Settings,
) -> None:
    """Guards against waiting for ever where Spark's workers see another DATA_DIR."""
    with pytest.raises(RebuildFailedError, match="must be one folder"):
        rebuild_hours(settings, spark_of(OneThread(tasks_run=False)), HOURS, TABLES)
    assert hours_done(settings, HOURS, TABLES, rebuild_version(settings)) == []
