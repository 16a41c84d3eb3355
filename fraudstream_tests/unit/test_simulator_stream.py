"""The simulated stream: the same seed gives the same bytes, exact counts, plausible life."""

from __future__ import annotations

import io
import itertools
import json
from collections import Counter
from typing import Any

import fastavro
import numpy as np
import polars as pl
import pytest

from fraudstream_platform.contracts.schemas import (
    IDENTITY_KINDS,
    avro_schema,
    frame_schema,
    transaction_schema,
)
from fraudstream_platform.contracts.texts import Texts
from fraudstream_platform.contracts.validation import judge
from fraudstream_platform.protection.bulk_seal import BulkSealer
from fraudstream_platform.protection.identity import clear_rows
from fraudstream_platform.protection.normalise import normalise
from fraudstream_platform.protection.text_guard import unsafe_rows
from fraudstream_platform.protection.tokens import Tokeniser
from fraudstream_platform.protection.vault import Sealer, original_bytes
from fraudstream_platform.simulator.hashing import turn_order
from fraudstream_platform.simulator.places import distance_km
from fraudstream_platform.simulator.record import FastEncoder
from fraudstream_platform.simulator.spoiled import Spoiler
from fraudstream_platform.simulator.stream import Batch, Stream, StreamConfig, stream
from fraudstream_tests.unit.streams import NOT_REPLAYED

TOKENISER = Tokeniser(b"simulator-test-key")
START_MS = 1_763_940_000_000
SCHEMA = fastavro.parse_schema(avro_schema("transaction"))


def batches(seed: int = 7, tps: float = 1_000, seconds: float = 60, **options: Any) -> list[Batch]:
    return list(stream(seed, tps, seconds, tokeniser=TOKENISER, start_ms=START_MS, **options))


@pytest.fixture(scope="module")
def minute() -> list[Batch]:
    """Most of a minute at 1,000 TPS."""
    return batches(seconds=40)


@pytest.fixture(scope="module")
def ordinary() -> pl.DataFrame:
    """A minute of customers in a hurry, without any fraud."""
    return frame(batches(tps=500, fraud_rate=0.0))


def frame(made: list[Batch]) -> pl.DataFrame:
    """The transactions as the drain decodes them."""
    plain = {
        name: pl.Int64()
        if isinstance(dtype, pl.Datetime)
        else pl.Int32()
        if dtype == pl.Date
        else dtype
        for name, dtype in transaction_schema().items()
    }
    rows = [record for batch in made for record in batch.records()]
    decoded = pl.DataFrame(rows, schema=plain)
    return decoded.with_columns(pl.col(n).cast(t) for n, t in frame_schema("transaction").items())


def encoded(made: list[Batch]) -> bytes:
    encoder = FastEncoder(1)
    return b"".join(encoder.encode(item) for batch in made for item in batch.transactions)


def test_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    """A trial that cannot be repeated proves nothing."""
    first = encoded(batches(seconds=5))
    assert first == encoded(batches(seconds=5))
    assert first != encoded(batches(seed=8, seconds=5))


@pytest.mark.parametrize(("tps", "count"), [(0.5, 3), (7, 100), (999, 1_001), (5_000, 777)])
def test_count_is_exact_and_times_are_the_intended_ones(tps: float, count: int) -> None:
    """An open loop that loses or adds a record would fake every reconciliation."""
    config = StreamConfig(3, tps, count, START_MS, batch_slots=64)
    sent = [item for batch in Stream(config, TOKENISER).batches() for item in batch.transactions]
    assert [item.head[2] for item in sent] == [config.due_ms(slot) for slot in range(count)]
    assert len({item.transaction_id for item in sent}) == count


def test_fast_encoding_is_that_of_fastavro(minute: list[Batch]) -> None:
    """A wrong byte in the cached runs would be undecodable or, worse, another value."""
    encoder = FastEncoder(7)
    sample = [item for batch in minute for item in batch.transactions][::7]
    for item in sample:
        expected = io.BytesIO()
        fastavro.schemaless_writer(expected, SCHEMA, item.as_dict())
        assert encoder.encode(item) == b"\x00\x00\x00\x00\x07" + expected.getvalue()


def test_every_record_keeps_every_rule_and_hides_nothing(minute: list[Batch]) -> None:
    """A simulator that sends what the pipeline quarantines tests nothing else."""
    sent = frame(minute)
    judged = sent.with_columns(
        append_time=pl.col("event_time"), key_agrees=pl.lit(True), **NOT_REPLAYED
    )
    assert judge(judged).failed == {}
    texts = Texts.of(sent)
    assert not clear_rows(texts).any()
    assert not unsafe_rows(texts).any()


def test_key_is_the_customer(minute: list[Batch]) -> None:
    """A customer's history has to pass through one partition."""
    batch = minute[3]
    assert batch.keys() == [record["customer"] for record in batch.records()]


def test_ordinary_cards_are_used_at_a_human_pace(ordinary: pl.DataFrame) -> None:
    """Ordinary life at any rate must not look like a velocity attack."""
    asked = ordinary.filter(pl.col("message_type") == "AUTH")
    uses = asked.group_by("card").len().get_column("len").to_numpy()
    assert uses.max() <= 6
    assert (uses > 3).mean() < 0.001


@pytest.mark.parametrize("population", [1, 20_000, 600_000])
def test_each_customer_comes_up_once_a_round(population: int) -> None:
    """Customers drawn at random would meet again within seconds now and then."""
    drawn = turn_order(population, 5, 17, min(population, 50_000))
    assert len(np.unique(drawn)) == len(drawn)
    assert drawn.min() >= 0 and drawn.max() < population


def test_ordinary_card_present_life_stays_in_one_city(ordinary: pl.DataFrame) -> None:
    """An ordinary customer who jumps between cities would be an impossible journey."""
    placed = ordinary.filter(pl.col("latitude").is_not_null())
    for _, own in placed.group_by("card"):
        points = own.select("latitude", "longitude").rows()
        assert all(distance_km(*a, *b) < 40 for a, b in itertools.pairwise(points))


def test_life_has_the_shares_it_claims(minute: list[Batch]) -> None:
    """Without declines, refunds, holds and subscriptions the detectors meet no look-alikes."""
    sent = frame(minute)
    assert 0.01 < np.mean(sent["outcome"].to_numpy() != "approved") < 0.035
    assert set(sent["source"]) == {"MOBILE", "POS", "ONLINE"}
    kinds = set(sent["message_type"])
    assert {"AUTH", "PREAUTH", "VERIFY", "REVERSAL", "REFUND"} <= kinds
    assert 0.02 < np.mean(sent["initiator"].to_numpy() == "MIT") < 0.08
    for name in ("email", "latitude", "device_pan", "credit_limit_minor", "phone"):
        assert 0 < sent[name].null_count() < sent.height


def test_every_new_token_brings_its_original_once(minute: list[Batch]) -> None:
    """A token without its original in the vault can never be read again."""
    originals = [one for batch in minute for one in batch.identities]
    # Two people may have one name or address; sealed twice, which the vault's key makes one.
    tokens = Counter(one.token for one in originals)
    assert max(tokens[one.token] for one in originals if one.kind not in ("name", "address")) == 1
    sent = frame(minute)
    for name in IDENTITY_KINDS:
        assert set(sent[name].drop_nulls()) <= set(tokens)
    for one in originals[::50]:
        assert normalise(one.kind, one.value) == one.value
        assert TOKENISER.token(one.kind, one.value) == one.token


def test_bulk_seals_are_ordinary_fernet_texts() -> None:
    """Originals that Fernet cannot open would be lost."""
    key = "dGVzdC12YXVsdC1rZXktdGhpcnR5LXR3by1ieXRlcyE="
    payloads = [original_bytes("name", "x" * size) for size in (0, 1, 15, 16, 17, 200, 1)]
    sealed = BulkSealer(key).seal_all(payloads)
    assert [Sealer(key).open_bytes(text) for text in sealed] == payloads
    assert sealed[1] != sealed[6]
    assert key not in repr(BulkSealer(key))


def test_originals_are_plain_json() -> None:
    """The hand-made JSON must survive quotes, backslashes and other alphabets."""
    value = 'a"b\\c\u00e9\n'
    assert json.loads(original_bytes("name", value)) == {"kind": "name", "value": value}


def test_bad_records_are_counted_by_kind_and_never_hit_an_attack() -> None:
    """`verify` compares these counts with dead letters and quarantine."""
    spoiler = Spoiler(1, 0.5, FastEncoder(1))
    (batch,) = batches(seconds=1, batch_slots=1_000)
    good = FastEncoder(1)
    changed = 0
    for item in batch.transactions:
        key, value = spoiler.message(item, may_spoil=True)
        changed += (key, value) != (item.key.encode(), good.encode(item))
    assert changed == sum(spoiler.counts.values()) > 300
    assert len(spoiler.counts) == 10
    before = sum(spoiler.counts.values())
    for item in batch.transactions:
        assert spoiler.message(item, may_spoil=False).value == good.encode(item)
    assert sum(spoiler.counts.values()) == before


@pytest.mark.parametrize("options", [{"tps": 0}, {"patterns": ("nonsense",)}, {"fraud_rate": 1.0}])
def test_a_config_that_cannot_work_is_refused(options: dict[str, Any]) -> None:
    """A misspelt pattern would silently inject nothing."""
    with pytest.raises(ValueError):
        StreamConfig(**{"seed": 1, "tps": 10, "count": 1, "start_ms": START_MS, **options})
