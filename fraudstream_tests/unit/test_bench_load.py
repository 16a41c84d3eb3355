"""The bench's stream made ahead: its times are set in the bytes, and it stays one settled population."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest
from cryptography.fernet import Fernet

from fraudstream_platform.bench.load import times
from fraudstream_platform.bench.load.block import LABELS, SEALS, TRANSACTIONS, Block, read_blocks
from fraudstream_platform.bench.load.make import Maker
from fraudstream_platform.bench.load.plan import (
    CARDS_A_CUSTOMER,
    PARTS,
    START_MS,
    events_per_s,
    history_count,
    most_records,
    require_past,
    whole_chunks,
)
from fraudstream_platform.contracts.schemas import avro_schema
from fraudstream_platform.errors import UserError
from fraudstream_platform.protection.bulk_seal import BulkSealer
from fraudstream_platform.protection.tokens import Tokeniser

pytestmark = pytest.mark.unit

CARDS = 2_600
LOAD = 10_000
SHIFT_MS = 20_736_123_456
SCHEMAS = {
    TRANSACTIONS: fastavro.parse_schema(avro_schema("transaction")),
    LABELS: fastavro.parse_schema(avro_schema("transaction_label")),
}

Stretches = list[list[Path]]


@pytest.fixture(scope="module")
def stretches(tmp_path_factory: pytest.TempPathFactory) -> Stretches:
    """History and two loads, each in its parts."""
    folder = tmp_path_factory.mktemp("load")
    counts = (history_count(CARDS), LOAD, LOAD)
    made: Stretches = [[] for _ in counts]
    for part in range(PARTS):
        maker = Maker(
            CARDS, part, Tokeniser(b"a key for this test"), BulkSealer(Fernet.generate_key())
        )
        for place, count in enumerate(counts):
            made[place].append(folder / f"{place}.{part}.arrow")
            maker.make(count // PARTS, made[place][-1])
    return made


def blocks(stretches: Stretches, topic: str) -> list[Block]:
    return [
        block
        for parts in stretches
        for part in parts
        for block in read_blocks(part)
        if block.topic == topic
    ]


def records(of: list[Block]) -> list[dict[str, Any]]:
    return [decoded(block.topic, value) for block in of for value in block.values()]


def decoded(topic: str, value: bytes) -> Any:
    """By a reader that knows nothing of where times stand; times as epoch ms."""
    body = io.BytesIO(value[5:])
    record = fastavro.schemaless_reader(body, SCHEMAS[topic], None)
    assert not body.read()
    return {name: _plain(value) for name, value in record.items()}  # type: ignore[union-attr]


def _plain(value: Any) -> Any:
    return round(value.timestamp() * 1000) if hasattr(value, "timestamp") else value


def test_times_set_in_the_bytes_are_the_intended_ones_and_nothing_else_changes(
    stretches: Stretches,
) -> None:
    """A byte that is written beside its place is another amount, or a poisoned record."""
    before, patched = blocks(stretches[1:], TRANSACTIONS), blocks(stretches[1:], TRANSACTIONS)
    intended = START_MS + SHIFT_MS + np.arange(len(before[0])) * 7
    for block in patched:
        block.set_schema(77)
        block.shift_events(SHIFT_MS)
        block.set_sending(intended[: len(block)])
    assert all(value[:5] == b"\x00\x00\x00\x00\x4d" for value in patched[0].values())
    for block, after in zip(before, patched, strict=True):
        for place, (old, new) in enumerate(zip(records([block]), records([after]), strict=True)):
            changed = {"event_time": old["event_time"] + SHIFT_MS, "sent_at": intended[place]}
            assert new == {**old, **changed}


def test_labels_are_shifted_like_the_events_that_they_tell_of(stretches: Stretches) -> None:
    """Else a label would be known half a year before its transaction."""
    before, shifted = blocks(stretches, LABELS), blocks(stretches, LABELS)
    for block in shifted:
        block.shift_events(SHIFT_MS)
    old, new = records(before), records(shifted)
    assert len(old) > 20
    assert new == [{**one, "reported_at": one["reported_at"] + SHIFT_MS} for one in old]


def test_a_time_that_takes_other_than_six_bytes_is_refused() -> None:
    data, place = np.zeros(12, np.uint8), np.array([3])
    for time_ms in (1 << 34, START_MS, (1 << 41) - 1):
        times.write(data, place, np.array([time_ms]))
        assert times.read(data, place).tolist() == [time_ms]
        assert not data[:3].any() and not data[9:].any()
    for time_ms in ((1 << 34) - 1, 1 << 41):
        with pytest.raises(ValueError, match="six bytes"):
            times.write(data, place, np.array([time_ms]))


def test_no_transaction_id_comes_twice(stretches: Stretches) -> None:
    """A repeated one is a duplicate, which the pipeline quarantines."""
    ids = Counter(one["transaction_id"] for one in records(blocks(stretches, TRANSACTIONS)))
    assert sum(ids.values()) == history_count(CARDS) + 2 * LOAD
    assert max(ids.values()) == 1


def test_the_history_says_of_no_record_when_it_was_to_be_sent(stretches: Stretches) -> None:
    """It goes as fast as it can: its latency means nothing, and would spoil the figures."""
    assert {one["sent_at"] for one in records(blocks(stretches[:1], TRANSACTIONS))} == {None}


def test_time_passes_as_the_population_wants_whatever_the_rate(stretches: Stretches) -> None:
    """Each card pays every ten minutes of event time, through history and loads without a gap."""
    for part in range(PARTS):
        of_part = [[parts[part]] for parts in stretches]
        events = [one["event_time"] for one in records(blocks(of_part, TRANSACTIONS))]
        wanted = START_MS + np.arange(len(events)) * 1000 * PARTS / events_per_s(CARDS)
        assert np.abs(np.array(events) - wanted).max() <= 1


def test_the_population_is_as_large_as_asked_for_and_known_before_the_loads(
    stretches: Stretches,
) -> None:
    """State that grows with every record would be measured instead of a settled pipeline."""
    past, later = (records(blocks(some, TRANSACTIONS)) for some in (stretches[:1], stretches[1:]))
    customers = round(CARDS / CARDS_A_CUSTOMER)
    known = {one["customer"] for one in past} - {None}
    assert 0.9 * customers < len(known) <= customers
    everybody = known | {one["customer"] for one in later} - {None}
    assert len(everybody) <= customers
    assert abs(len({one["card"] for one in past + later}) / CARDS - 1) < 0.15


def test_everybodys_identities_are_sealed_before_the_loads(stretches: Stretches) -> None:
    """In the loads only strangers, who are the attackers, bring tokens that were never seen."""
    sealed = [{key for b in blocks([one], SEALS) for key in b.keys} for one in stretches]
    loads = records(blocks(stretches[1:], TRANSACTIONS))
    customers = {one["customer"].encode() for one in loads if one["customer"]}
    assert customers <= sealed[0]
    assert len(sealed[1] | sealed[2]) < 0.05 * 2 * LOAD


def test_more_event_time_than_a_day_is_refused() -> None:
    """Older events count as late, later ones than now are quarantined."""
    require_past(CARDS, most_records(CARDS))
    with pytest.raises(UserError, match="more --cards"):
        require_past(CARDS, most_records(CARDS) + 1)


def test_stretches_are_whole_chunks_of_every_part() -> None:
    """Parts go record by record in turn, so none may be longer than another."""
    assert whole_chunks(1) == whole_chunks(2_000) == 2_000
    assert whole_chunks(2_001) == 4_000
