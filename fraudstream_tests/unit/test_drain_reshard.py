"""State for more partitions: whoever moves is known where he goes, and where he came from."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from fraudstream_platform.contracts.tables import BRONZE_SCHEMA
from fraudstream_platform.detection.sample import START, bronze, sample_row, token
from fraudstream_platform.detection.step import Detector
from fraudstream_platform.drain.journal import Entry, Term
from fraudstream_platform.drain.layout import (
    Layout,
    journaled_layout,
    refuse_other_groups,
    refuse_other_partitions,
)
from fraudstream_platform.drain.partitioner import murmur2, partition_of
from fraudstream_platform.drain.rebuild_group import GroupTask, rebuild_group
from fraudstream_platform.drain.rebuild_shares import Shares
from fraudstream_platform.drain.reshard_state import (
    ForeignPartitionerError,
    refuse_foreign_partitioner,
    step_past,
)
from fraudstream_platform.drain.resharded import Resharded, keep
from fraudstream_platform.drain.resume import RegroupError, Standing, standing_of
from fraudstream_platform.lake.files import write_file
from fraudstream_platform.lake.hours import hour_of
from fraudstream_platform.lake.replace import hour_files, replace_hour
from fraudstream_platform.lake.tables import create_tables, table_uri
from fraudstream_platform.settings import Settings
from fraudstream_platform.verify.proof import breaks

pytestmark = pytest.mark.unit

HOUR = hour_of(round(START.timestamp() * 1000))
OLD, NEW = 2, 5
CUSTOMERS = [token("cu", number) for number in range(12)]
ROUNDS = 6


@pytest.mark.parametrize(
    ("key", "signed"),
    [
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        ("abc", 479470107),
    ],
)
def test_keys_hash_as_kafka_s_own_tests_say(key: str, signed: int) -> None:
    """Guards against state that is moved to where no record of the customer ever goes."""
    assert murmur2(key.encode()) == signed & 0xFFFFFFFF


def rows_of(numbers: range, offsets: dict[int, int], partitions: int) -> pl.DataFrame:
    """One record of each customer a round, a minute apart, where its key goes; offsets go on."""
    rows = []
    for number in numbers:
        for place, customer in enumerate(CUSTOMERS):
            partition = partition_of(customer, partitions)
            moment = START + timedelta(minutes=number, seconds=place)
            rows.append(
                sample_row(
                    partition=partition,
                    offset=offsets[partition],
                    transaction_id=f"t-{number}-{place}",
                    customer=customer,
                    card=token("ca", place),
                    key_agrees=True,
                    append_time=moment,
                    sent_at=moment,
                    event_time=moment,
                )
            )
            offsets[partition] += 1
    return bronze(rows).select(list(BRONZE_SCHEMA))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = Settings(_env_file=None, data_dir=tmp_path)
    create_tables(found)
    return found


def store(settings: Settings, rows: pl.DataFrame) -> None:
    file = write_file(settings, "bronze.transactions", HOUR, rows)
    held = hour_files(settings, "bronze.transactions", HOUR)
    replace_hour(settings, "bronze.transactions", HOUR, [file], held, 0)


def detector_of(settings: Settings) -> Detector:
    return Detector(quality_threshold=settings.silver_quality_threshold)


def features(detector: Detector, rows: pl.DataFrame) -> pl.DataFrame:
    """What is counted of customers and cards, in the order of the transactions."""
    found = detector.step(rows, "2026-03-01T01").features.sort("transaction_id")
    own = [name for name in found.columns if name.startswith(("customer_", "card_"))]
    return found.select("transaction_id", *own)


def test_a_moved_customer_s_next_record_sees_all_of_his_past(settings: Settings) -> None:
    """Guards against customers who are strangers in the partition that they come to."""
    offsets = dict.fromkeys(range(NEW), 0)
    past = rows_of(range(ROUNDS), offsets, OLD)
    store(settings, past)
    upto = dict(offsets)
    told: list[int] = []
    detector = detector_of(settings)
    step_past(settings, detector, upto, upto, told.append)
    assert told[-1] == past.height

    later = rows_of(range(ROUNDS, ROUNDS + 2), offsets, NEW)
    assert {p for p in later["partition"] if p >= OLD} != set()
    one_log = past.with_columns(
        pl.lit(0, pl.Int32).alias("partition"), pl.int_range(past.height).alias("offset")
    )
    oracle = detector_of(settings)
    oracle.step(one_log, "2026-03-01T00")
    in_one_log = later.with_columns(
        pl.lit(0, pl.Int32).alias("partition"),
        pl.int_range(past.height, past.height + later.height).alias("offset"),
    )
    expected = features(oracle, in_one_log)
    assert expected["customer_n_1h"].to_list() != [0] * later.height
    assert features(detector, later).equals(expected)


def test_a_straggler_under_the_old_rule_is_known_and_a_repeat_is_seen(settings: Settings) -> None:
    """Guards against a source that learns of new partitions minutes later."""
    offsets = dict.fromkeys(range(NEW), 0)
    past = rows_of(range(ROUNDS), offsets, OLD)
    store(settings, past)
    detector = detector_of(settings)
    step_past(settings, detector, dict(offsets), range(NEW))
    straggling = rows_of(range(ROUNDS, ROUNDS + 1), dict(offsets), OLD)
    assert features(detector, straggling)["customer_n_1h"].min() == ROUNDS

    again = rows_of(range(1), dict(offsets), NEW)
    result = detector.step(again, "2026-03-01T01")
    assert (result.silver.height, result.quarantine.height) == (0, again.height)


def test_rows_that_are_not_drained_yet_are_not_state(settings: Settings) -> None:
    """Guards against a record that is counted in the state and stepped again afterwards."""
    offsets = dict.fromkeys(range(NEW), 0)
    drained = rows_of(range(2), offsets, OLD)
    upto = dict(offsets)
    waiting = rows_of(range(2, 4), offsets, OLD)
    store(settings, pl.concat([drained, waiting]))
    detector = detector_of(settings)
    step_past(settings, detector, upto, range(NEW))
    assert features(detector, waiting.head(len(CUSTOMERS)))["customer_n_1h"].max() == 2


def test_a_topic_that_is_not_keyed_by_kafka_s_rule_is_refused(settings: Settings) -> None:
    """Guards against state that moves by a rule which the sources do not follow."""
    offsets = dict.fromkeys(range(NEW), 0)
    rows = rows_of(range(2), offsets, OLD)
    store(settings, rows)
    refuse_foreign_partitioner(settings, OLD, NEW)
    other = rows.with_columns((1 - pl.col("partition")).cast(pl.Int32).alias("partition"))
    store(settings, other)
    with pytest.raises(ForeignPartitionerError, match="murmur2"):
        refuse_foreign_partitioner(settings, OLD, OLD)


def test_hours_around_a_reshard_are_rebuilt_as_they_ran(tmp_path: Path) -> None:
    """Guards against a rebuild that gives rows after a change of layout another state, or none."""
    settings = Settings(_env_file=None, data_dir=tmp_path, topic_partitions=NEW, drain_groups=1)
    create_tables(settings)
    offsets = dict.fromkeys(range(NEW), 0)
    before = rows_of(range(ROUNDS), offsets, OLD)
    upto = dict(offsets)
    after = rows_of(range(ROUNDS, ROUNDS + 3), offsets, NEW)
    later = rows_of(range(60, 63), offsets, NEW)
    store(settings, pl.concat([before, after]))
    next_hour = "2026-01-05T13"
    file = write_file(settings, "bronze.transactions", next_hour, later)
    replace_hour(settings, "bronze.transactions", next_hour, [file], set(), 0)
    changed = round((START + timedelta(minutes=ROUNDS)).timestamp() * 1000)
    keep(settings, Resharded(changed, Layout(OLD, 1), Layout(NEW, 1), upto))

    first, second = detector_of(settings), detector_of(settings)
    live = [first.step(before, HOUR).features]
    step_past(settings, second, upto, range(NEW))
    live += [second.step(after, HOUR).features, second.step(later, next_hour).features]

    shares = Shares(tmp_path / "rebuild")
    shares.create()
    asked = (HOUR, next_hour)
    rebuild_group(settings, GroupTask(str(shares.folder), asked, ["gold.features"], 0, 1))
    for hour, expected in ((HOUR, pl.concat(live[:2])), (next_hour, live[2])):
        files = shares.of_hour(hour, 1) or []
        paths = [f"{table_uri(settings, 'gold.features')}/{file.path}" for file in files]
        found = pl.concat([pl.read_parquet(path) for path in paths]).select(expected.columns)
        assert_frame_equal(
            found.cast(expected.schema).sort("partition", "offset"),
            expected.sort("partition", "offset"),
            check_exact=True,
        )


def standing(group: int, partitions: list[int]) -> Standing | None:
    held = dict.fromkeys(partitions, 7)
    return standing_of([Entry("final", group, Term(1, 1, 0), "run", 1, held, held)])


def test_another_layout_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """Guards against a drain that leaves partitions unread, or starts customers from nothing."""
    settings = Settings(_env_file=None, data_dir=tmp_path, topic_partitions=6, drain_groups=2)
    with pytest.raises(RegroupError, match=r"has 8 partitions.*TOPIC_PARTITIONS to 8.*reshard"):
        refuse_other_partitions(settings, 8)
    refuse_other_partitions(settings, 6)
    four = [standing(group, Layout(4, 2).of_group(group)) for group in range(2)]
    assert journaled_layout(four) == Layout(4, 2)
    assert journaled_layout([*four, standing(2, []), None]) == Layout(4, 2)
    with pytest.raises(RegroupError, match="fraudstream reshard"):
        refuse_other_groups(settings, four)
    refuse_other_groups(settings, [None, None])
    with pytest.raises(RegroupError, match="no layout"):
        journaled_layout([four[0], standing(1, [3])])


def flush(group: int, start: int, end: int) -> Entry:
    return Entry("flush", group, Term(1, 1, 0), "run", 1, {0: end}, start={0: start})


def test_flushes_join_across_the_groups_that_a_partition_was_in() -> None:
    """Guards against a proof that calls a partition's way from group to group and back a gap."""
    spans = [flush(0, 0, 4), flush(1, 4, 9), flush(1, 9, 9), flush(0, 9, 12)]
    assert breaks(spans) == []
    assert breaks([spans[0], spans[3]]) == ["partition 0: gap between 4 and 9"]
    assert breaks([*spans, flush(0, 4, 9)]) == ["partition 0: overlap between 9 and 4"]
