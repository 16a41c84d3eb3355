"""Ingest: whatever a record holds, it becomes a Bronze row that can be stored, or a dead letter."""

from __future__ import annotations

from types import SimpleNamespace

import polars as pl
import pytest

from fraudstream_platform.contracts.codec import WriterSchema, guards, zigzag
from fraudstream_platform.contracts.schemas import avro_schema
from fraudstream_platform.drain.ingest import Arrivals, Ingest
from fraudstream_platform.drain.source import RawBatch
from fraudstream_platform.lake.files import encode
from fraudstream_platform.protection.tokens import Tokeniser
from fraudstream_platform.settings import Settings
from fraudstream_platform.simulator.record import FastEncoder
from fraudstream_platform.simulator.stream import Stream, StreamConfig

LAST_MS = 253_402_300_799_999
FRAME = bytes((0, 0, 0, 0, 1))
FIRST_MS = -62_135_596_800_000


@pytest.fixture(scope="module", name="good")
def one_transaction() -> object:
    config = StreamConfig(seed=1, tps=10, count=1, start_ms=1_780_000_000_000, fraud_rate=0.0)
    return next(Stream(config, Tokeniser(b"x" * 16)).batches()).transactions[0]


def ingested(good: object, times: list[int], beside: bytes | None = None) -> Arrivals:
    """The arrivals of one record a time, which stands in `event_time` and `sent_at`.

    `beside` is the value of one more, behind them.
    """
    encoder = FastEncoder(1)
    batch = RawBatch()
    for offset, time in enumerate(times):
        head = (f"t-{offset}", time, time)
        batch.values.append(encoder.encode(good._replace(head=head)))  # type: ignore[attr-defined]
        batch.keys.append(good.key)  # type: ignore[attr-defined]
        batch.partitions.append(0)
        batch.offsets.append(offset)
        batch.append_times.append(1_780_000_000_000)
    if beside is not None:
        batch.values.append(beside)
        batch.keys.append(None)
        batch.partitions.append(0)
        batch.offsets.append(len(times))
        batch.append_times.append(1_780_000_000_000)
    writer = WriterSchema(1, avro_schema("transaction"))
    schemas = SimpleNamespace(writer=lambda _: writer)
    return Ingest(Settings(_env_file=None), schemas).arrivals(batch)  # type: ignore[arg-type]


def test_a_time_off_the_calendar_is_a_dead_letter(good: object) -> None:
    """Stored in microseconds it would overflow, and every owner that reads it would die of it."""
    times = [2**62, -(2**62), LAST_MS + 1, FIRST_MS - 1, 1_780_000_000_000]
    found = ingested(good, times)
    assert found.dead_letters["error_class"].to_list() == ["time_out_of_range"] * 4
    assert found.bronze["offset"].to_list() == [4]


def test_the_first_and_the_last_moment_can_be_stored(good: object) -> None:
    """A wrong time is for the rules to judge; here it only has to be storable."""
    found = ingested(good, [FIRST_MS, LAST_MS])
    assert found.dead_letters.is_empty()
    assert encode("bronze.transactions", found.bronze).getbuffer().nbytes > 0
    assert len(list(found.bronze.iter_rows(named=True))) == 2


@pytest.mark.parametrize("start", [1 << 20, (1 << 21) - 2, 19_088_743, 1 << 26, (1 << 27) - 300])
def test_guards_made_at_once_are_what_avro_writes(start: int) -> None:
    """One byte less, and a whole block is halved down to its records, at a hundred times the cost."""
    assert guards(start, 300) == [zigzag(number) for number in range(start, start + 300)]


def test_a_batch_of_one_schema_is_decoded_as_one_of_several_is(good: object) -> None:
    """The short way for a batch without anything else must give the same rows."""
    alone = ingested(good, [1_780_000_000_000 + n for n in range(50)])
    mixed = ingested(good, [1_780_000_000_000 + n for n in range(50)], beside=b"no record")
    assert alone.dead_letters.is_empty()
    assert mixed.dead_letters["error_class"].to_list() == ["not_framed"]
    assert mixed.bronze.equals(alone.bronze)


def test_a_record_that_is_too_large_is_a_dead_letter_among_others_alike(good: object) -> None:
    arrivals = ingested(good, [1_780_000_000_000], beside=FRAME + b"x" * 2_000_000)
    assert arrivals.dead_letters["error_class"].to_list() == ["too_large"]
    assert arrivals.bronze.height == 1


def test_a_flushed_file_gives_its_rows_back(good: object) -> None:
    """Which columns have a dictionary or statistics is a matter of cost alone."""
    rows = ingested(good, [1_780_000_000_000 + n for n in range(50)]).bronze
    read = pl.read_parquet(encode("bronze.transactions", rows).getvalue())
    assert read.select(rows.columns).cast(rows.schema).equals(rows)
