"""`fraudstream reshard` on a real broker: topics, tables and journal of another layout, in one go."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from confluent_kafka.admin import NewPartitions

from fraudstream_platform.contracts.tables import BRONZE_SCHEMA
from fraudstream_platform.detection.sample import START, bronze, sample_row, token
from fraudstream_platform.detection.step import Detector
from fraudstream_platform.drain.committer import application_of, committed_positions
from fraudstream_platform.drain.heads import read_heads
from fraudstream_platform.drain.journal import Entry, JournalReader, Term
from fraudstream_platform.drain.kafka import admin, plain_producer
from fraudstream_platform.drain.layout import Layout, refuse_other_layout
from fraudstream_platform.drain.ledger import Ledger
from fraudstream_platform.drain.partitioner import partition_of
from fraudstream_platform.drain.reshard import DrainGoesOnError, reshard
from fraudstream_platform.drain.resharded import reshards
from fraudstream_platform.drain.resume import RegroupError, Standing, read_standing
from fraudstream_platform.drain.snapshot import restore
from fraudstream_platform.drain.topics import wanted_topics
from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.commit import Batch, TableAppender
from fraudstream_platform.lake.files import write_file
from fraudstream_platform.lake.hours import hour_of
from fraudstream_platform.lake.tables import DRAINED, create_tables
from fraudstream_platform.local.ports import settings_on_free_ports
from fraudstream_platform.local.stack import Stack
from fraudstream_platform.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

BEFORE, AFTER = Layout(2, 1), Layout(5, 2)
HOUR = hour_of(round(START.timestamp() * 1000))
CUSTOMERS = [token("cu", number) for number in range(12)]
TERM = Term(round(START.timestamp() * 1000), 1, 0)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A broker, and a lake of one hour that a window of two partitions in one group drained."""
    folder: Path = tmp_path_factory.mktemp("reshard")
    found = settings_on_free_ports(
        folder / "data", topic_partitions=BEFORE.partitions, drain_groups=BEFORE.groups
    )
    with Stack(found, services=("kafka",)):
        client = admin(found)  # named, since a future whose client is gone never answers
        for future in client.create_topics(wanted_topics(found)).values():
            future.result(timeout=30)
        create_tables(found)
        _drain(found)
        yield found


def _drain(settings: Settings) -> None:
    offsets = dict.fromkeys(range(BEFORE.partitions), 0)
    rows = []
    source = plain_producer(settings)
    for place, customer in enumerate(CUSTOMERS * 3):
        partition = partition_of(customer, BEFORE.partitions)
        moment = START + timedelta(seconds=place)
        changes = {"append_time": moment, "event_time": moment, "sent_at": moment}
        ids = {"transaction_id": f"t-{place}", "customer": customer, "card": token("ca", place)}
        rows.append(sample_row(partition=partition, offset=offsets[partition], **changes, **ids))
        source.produce(settings.transactions_topic, b"told", customer, partition)
        offsets[partition] += 1
    source.flush(30)
    frame = bronze(rows).select(list(BRONZE_SCHEMA))
    begin = dict.fromkeys(offsets, 0)
    files = (write_file(settings, "bronze.transactions", HOUR, frame),)
    owner = Entry("owner", 0, TERM, "run", TERM.window + 60_000, begin, begin, origin=True)
    flush = replace(
        owner, kind="flush", flushed=offsets, stepped=offsets, start=begin, hour=HOUR, files=files
    )
    ledger = Ledger(settings, 0)
    ledger.fence()
    ledger.commit([owner, flush], [])
    ledger.close()


def _standing(settings: Settings, group: int) -> Standing:
    journal = JournalReader(settings)
    try:
        standing = read_standing(journal, group)
    finally:
        journal.close()
    assert standing is not None
    return standing


@pytest.fixture(scope="module")
def grown(settings: Settings) -> Settings:
    """The settings for the new layout, to which somebody added partitions already."""
    asked = [NewPartitions(settings.transactions_topic, AFTER.partitions)]
    client = admin(settings)  # named, since a future whose client is gone never answers
    for future in client.create_partitions(asked).values():
        future.result(timeout=30)
    changes = {"topic_partitions": AFTER.partitions, "drain_groups": AFTER.groups}
    return settings.model_copy(update=changes)


def test_added_partitions_are_refused_until_state_has_moved(
    settings: Settings, grown: Settings
) -> None:
    """Guards against records that nobody reads, and customers who start from nothing."""
    for ask in (refuse_other_layout, read_heads):
        with pytest.raises(RegroupError, match=r"TOPIC_PARTITIONS to 5 and run `fraudstream resh"):
            ask(settings)
        with pytest.raises(RegroupError, match="run `fraudstream reshard`"):
            ask(grown)


def test_whoever_drains_is_not_taken_from(grown: Settings) -> None:
    """Guards against two layouts that are drained at once."""
    silent_after = 2 * grown.lease_seconds
    if time.time() - _standing(grown, 0).at / 1000 < silent_after - 1:
        with pytest.raises(DrainGoesOnError, match="group 0 is being drained"):
            reshard(grown)
    assert len(_standing(grown, 0).flushed) == BEFORE.partitions


def test_state_tables_and_journal_are_of_the_new_layout(
    settings: Settings, grown: Settings
) -> None:
    """Guards against a group that starts without its customers, or a flush that does not join."""
    at = _standing(grown, 0).flushed
    impatient = grown.model_copy(update={"lease_seconds": 0.0})
    reshard(impatient)
    refuse_other_layout(grown)
    assert read_heads(grown).lag == 0
    expected = {**dict.fromkeys(range(AFTER.partitions), 0), **at}
    assert committed_positions(grown, range(AFTER.partitions)) == expected
    for group in range(AFTER.groups):
        standing = _standing(grown, group)
        mine = AFTER.of_group(group)
        assert standing.is_final
        assert (standing.flushed, standing.has_flushed) == ({p: expected[p] for p in mine}, True)
        assert TERM < standing.term < TERM._replace(attempt=2)
        detector = Detector(quality_threshold=grown.silver_quality_threshold)
        positions = restore(detector, mine, standing.usable_snapshots())
        assert positions == {p: expected[p] for p in mine}
    assert [(one.old, one.new, one.upto) for one in reshards(grown)] == [(BEFORE, AFTER, expected)]
    with pytest.raises(UserError, match="have 5 partitions in 2 groups already"):
        reshard(impatient)


def test_the_first_flush_of_a_new_partition_joins(grown: Settings) -> None:
    """Guards against a gap that the committer stops at, right after the move."""
    application = application_of(grown)
    for table in DRAINED:
        appender = TableAppender(grown, table, application)
        appender.commit([Batch({4: 0}, {4: 7}, [])])
    assert (committed_positions(grown, [4]) or {})[4] == 7
