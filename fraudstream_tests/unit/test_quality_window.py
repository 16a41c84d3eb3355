"""Measuring what the journal names: each record once, whoever measures, whatever became of the files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fraudstream_platform.contracts.tables import DEAD_LETTER_SCHEMA
from fraudstream_platform.detection.sample import bronze, sample_row
from fraudstream_platform.detection.step import Detector
from fraudstream_platform.drain.journal import Entry, Term
from fraudstream_platform.lake.commit import Batch, TableAppender
from fraudstream_platform.lake.files import write_file
from fraudstream_platform.lake.tables import DRAINED, QUALITY, create_tables, scan, table_uri
from fraudstream_platform.quality import window as measuring
from fraudstream_platform.quality.window import Measurement, measure_window
from fraudstream_platform.settings import Settings

HOUR = "2026-01-05T12"


class Journal:
    """The journal of one group, in memory."""

    entries: Sequence[Entry] = ()

    def __init__(self, settings: Settings) -> None:
        pass

    def close(self) -> None:
        pass

    def back_to(self, group: int, positions: dict[int, int]) -> list[Entry]:
        return list(self.entries)

    def tail(self, group: int, kinds: Sequence[str], count: int) -> list[Entry]:
        return list(self.entries[-count:])


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    found = Settings(_env_file=None, data_dir=tmp_path, topic_partitions=1, drain_groups=1)
    create_tables(found)
    monkeypatch.setattr(measuring, "JournalReader", Journal)
    monkeypatch.setattr(measuring, "application_of", lambda _: "fraudstream.test")
    monkeypatch.setattr(Journal, "entries", ())
    return found


def flush(settings: Settings, rows: list[dict[str, Any]], dead: int = 0) -> Entry:
    """The next flush of the group: files of what the step made of the rows, journaled."""
    known = list(Journal.entries)
    start = known[-1].flushed[0] if known else 0
    numbered = [row | {"offset": start + place} for place, row in enumerate(rows)]
    frame = bronze(numbered)
    result = Detector(quality_threshold=0.8).step(frame, HOUR)
    letters = pl.DataFrame({"partition": [0] * dead}).cast({"partition": pl.Int32})
    frames = {
        "bronze.transactions": frame,
        "bronze.dead_letter": pl.concat(
            [DEAD_LETTER_SCHEMA.to_frame(), letters], how="diagonal"
        ).with_columns(pl.lit(start, pl.Int64).alias("offset")),
        "silver.transactions": result.silver,
        "silver.quarantine": result.quarantine,
        "gold.features": result.features,
    }
    files = [
        write_file(settings, table, HOUR, part) for table, part in frames.items() if part.height
    ]
    end = start + len(rows) + dead
    entry = Entry(
        "flush", 0, Term(0, 1, 0), "run", 0, {0: end}, {0: end}, start={0: start},
        origin=not known, hour=HOUR, files=tuple(files), at=len(known) + 1,
    )  # fmt: skip
    Journal.entries = [*known, entry]
    return entry


def purchases(count: int, **changes: Any) -> list[dict[str, Any]]:
    first = sum(entry.flushed[0] - entry.start[0] for entry in Journal.entries)
    return [sample_row(first + place, **changes) for place in range(count)]


def measured(settings: Settings) -> Measurement:
    return measure_window(settings, (0, 60_000), Journal.entries[-1].flushed)


def counted(settings: Settings, source: str = "topic") -> int:
    rows = scan(settings, QUALITY).filter(pl.col("source") == source).collect()
    return int(rows["records"].sum())


def test_every_flush_is_measured_once(settings: Settings) -> None:
    """A run that died measured nothing: its successor measures both, and a repeat nothing more."""
    flush(settings, purchases(30), dead=2)
    flush(settings, purchases(20))
    assert measured(settings).metrics["records"].sum() == 52 + 50
    assert measured(settings).metrics.height == 0
    flush(settings, purchases(10))
    assert counted(settings) == 52
    measured(settings)
    assert (counted(settings), counted(settings, "POS")) == (62, 60)


def test_what_is_past_the_window_s_end_is_the_next_one_s(settings: Settings) -> None:
    """The next owner flushes while this run measures."""
    first = flush(settings, purchases(10))
    flush(settings, purchases(5))
    assert measure_window(settings, (0, 1), first.flushed).metrics["records"].max() == 10
    assert measured(settings).metrics["records"].max() == 5


def test_many_records_are_measured_in_parts(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After hours without a measurement they would not fit into memory at once."""
    monkeypatch.setattr(measuring, "_ROWS_TOGETHER", 40)
    for _ in range(5):
        flush(settings, purchases(20))
    rows = measured(settings).metrics.filter(source="POS")
    assert rows["records"].to_list() == [40, 40, 20]
    assert rows["measured_at"].is_unique().all()


def test_a_rival_s_measurement_stands(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs at a hand-over: one of them measures, the other one has nothing to say."""
    flush(settings, purchases(10))
    judged = measuring._judged

    def while_a_rival_measures(*args: Any) -> pl.DataFrame:
        monkeypatch.setattr(measuring, "_judged", judged)
        measured(settings)
        return judged(*args)

    monkeypatch.setattr(measuring, "_judged", while_a_rival_measures)
    assert measured(settings).metrics.height == 0
    assert counted(settings) == 10
    files = list(Path(table_uri(settings, QUALITY)).glob("hour=*/*.parquet"))
    assert len(files) == 1


def test_files_that_are_gone_are_read_from_their_table(settings: Settings) -> None:
    """Compacted and vacuumed since, while nobody could measure."""
    entry = flush(settings, purchases(12))
    flush(settings, purchases(3))
    for table in DRAINED:
        TableAppender(settings, table, "test").commit([Batch({0: 0}, {0: 12}, entry.files, True)])
    silver = next(file for file in entry.files if file.table == "silver.transactions")
    moved = replace(silver, path=silver.path.replace(".parquet", "-gone.parquet"))
    Journal.entries = [
        replace(entry, files=(*(f for f in entry.files if f != silver), moved)),
        Journal.entries[1],
    ]
    assert measured(settings).metrics.filter(source="POS")["records"].to_list() == [15]


def test_a_degraded_source_is_said_and_sampled_without_identities(settings: Settings) -> None:
    """What a check shows is read by more people than the tables are."""
    flush(settings, purchases(60, currency="EURO"))
    found = measured(settings)
    assert list(found.degraded) == ["POS"]
    assert found.metrics.filter(source="POS")["notice"].to_list() == ["degraded"]
    assert found.sample.height == 5
    assert "customer" not in found.sample.columns
    assert found.broken == {}
    flush(settings, purchases(60))
    assert list(measured(settings).degraded) == ["POS"]
    flush(settings, purchases(60))
    last = measured(settings)
    assert last.degraded == {}
    assert last.metrics.filter(source="POS")["notice"].to_list() == ["recovered"]
    assert last.looked_at == 60
    assert len(last.trend["POS"]) == 3
