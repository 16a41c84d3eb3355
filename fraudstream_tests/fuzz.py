"""Mutated records through decode and protect: `python -m fraudstream_tests.fuzz --records 200000`.

From a seed, so that what fails can be run again. Three properties of every batch: no exception but the
named one, as many Bronze rows and dead letters as records, and no planted identity in a row, a detail
or a log line.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import polars as pl

from fraudstream_platform.contracts.codec import WriterSchema, frame_value, zigzag
from fraudstream_platform.contracts.schemas import avro_schema
from fraudstream_platform.drain.ingest import Arrivals, Ingest
from fraudstream_platform.drain.source import RawBatch
from fraudstream_platform.protection.tokens import Tokeniser
from fraudstream_platform.settings import Settings
from fraudstream_platform.simulator.record import FastEncoder, Transaction
from fraudstream_platform.simulator.stream import Stream, StreamConfig
from fraudstream_tests.scan import spellings

SCHEMA_ID = 7
PLANTED = ("4000001234567899", "+4915112345678", "planted.person@mail.example")
MAX_RECORD_BYTES = 16_384
_START_MS = 1_763_940_000_000
_STEP = 500
_MOST_SAID = 1 << 30
_DIGITS = b"0123456789"

Mutation = Callable[[random.Random, bytes], bytes]


class OneSchema:
    """A registry that knows one schema id, as `SchemaSource` does."""

    def __init__(self) -> None:
        self._writer = WriterSchema(SCHEMA_ID, avro_schema("transaction"))

    def writer(self, schema_id: int) -> WriterSchema:
        """The schema; all others are unknown."""
        from fraudstream_platform.drain.registry import UnknownSchemaError

        if schema_id != SCHEMA_ID:
            raise UnknownSchemaError(f"schema id {schema_id} is not registered")
        return self._writer


def flip(rng: random.Random, value: bytes) -> bytes:
    """One to four bits the other way round."""
    changed = bytearray(value)
    for _ in range(rng.randint(1, 4)):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(rng: random.Random, value: bytes) -> bytes:
    """The end is missing."""
    return value[: rng.randrange(len(value))]


def grow(rng: random.Random, value: bytes) -> bytes:
    """Bytes put in somewhere, up to more than a record may have."""
    place, count = rng.randrange(len(value)), rng.choice((1, 7, 300, MAX_RECORD_BYTES))
    return value[:place] + rng.randbytes(count) + value[place:]


def swap(rng: random.Random, value: bytes) -> bytes:
    """Two stretches in each other's place."""
    one, two, three = sorted(rng.randrange(len(value) + 1) for _ in range(3))
    return value[:one] + value[two:three] + value[one:two] + value[three:]


def claim(rng: random.Random, value: bytes) -> bytes:
    """A length that claims gigabytes: a reader must not make room for it."""
    place = rng.randrange(5, len(value))
    return (
        value[:place] + zigzag(rng.choice((1 << 31, 1 << 40, (1 << 62) - 1))) + value[place + 1 :]
    )


def plant(rng: random.Random, value: bytes) -> bytes:
    """A clear identity over a stretch of the record, or as all of it."""
    secret = rng.choice(PLANTED).encode()
    if rng.random() < 0.1:
        return secret
    place = rng.randrange(5, max(6, len(value) - len(secret)))
    return value[:place] + secret + value[place + len(secret) :]


def reframe(rng: random.Random, value: bytes) -> bytes:
    """Another magic byte or schema id."""
    return rng.choice((b"", b"\x01", b"\x00" * 5, rng.randbytes(5))) + value[5:]


def noise(rng: random.Random, value: bytes) -> bytes:
    """Well framed, and nothing of the contract behind it."""
    return frame_value(SCHEMA_ID, rng.randbytes(rng.randrange(len(value))))


MUTATIONS: tuple[Mutation, ...] = (flip, cut, grow, swap, claim, plant, reframe, noise)


def hide_in_fields(rng: random.Random, good: Transaction) -> Transaction:
    """A clear identity in an identity column, or in a text column that is not for one."""
    secret = rng.choice(PLANTED)
    runs = {name: list(getattr(good, name)) for name in ("account", "merchant", "identity")}
    name, place = rng.choice(
        [("account", 0), ("account", 1), ("account", 2), ("merchant", 0), ("identity", 0),
         ("identity", 1), ("identity", 2), ("identity", 3)]
    )  # fmt: skip
    runs[name][place] = f"order of {secret}" if name == "merchant" else secret
    return good._replace(**{run: tuple(values) for run, values in runs.items()})


def records(seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Kind of mutation and bytes of `count` records; a tenth is as it should be."""
    rng = random.Random(seed)
    config = StreamConfig(seed=seed, tps=500, count=2_000, start_ms=_START_MS, fraud_rate=0.02)
    good = [
        one
        for batch in Stream(config, Tokeniser(b"k" * 16)).batches()
        for one in batch.transactions
    ]
    encoder = FastEncoder(SCHEMA_ID)
    for _ in range(count):
        one = rng.choice(good)
        choice = rng.random()
        if choice < 0.1:
            yield "good", encoder.encode(one)
        elif choice < 0.25:
            yield "hidden", encoder.encode(hide_in_fields(rng, one))
        else:
            mutation = rng.choice(MUTATIONS)
            value = encoder.encode(one)
            for _ in range(rng.choice((1, 1, 1, 2, 3))):
                value = mutation(rng, value) if len(value) > 6 else value
            yield mutation.__name__, value


class Readable:
    """Finds secrets in any form. Within a longer run of digits there is no card to be seen."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._spelt = sorted(needle.decode() for secret in secrets for needle in spellings(secret))

    def in_text(self, text: str) -> list[str]:
        """Every place, as it is written there."""
        # A regular expression with as many branches takes 0.7 ms a record.
        found = (
            pl.DataFrame({"text": [text]})
            .select(
                hit=pl.col("text").str.extract_many(self._spelt, overlapping=True),
                place=pl.col("text").str.find_many(self._spelt, overlapping=True),
            )
            .explode("hit", "place")
            .drop_nulls()
        )
        encoded = text.encode()
        return [hit for hit, place in found.iter_rows() if _stands_alone(encoded, place, hit)]


def _stands_alone(text: bytes, place: int, hit: str) -> bool:
    end = place + len(hit.encode())
    around = text[max(0, place - 1) : place] + text[end : end + 1]
    return not any(one in _DIGITS for one in around)


def fuzz(seed: int, count: int, *, allow_clear: bool = False) -> Counter[str]:
    """Outcomes of `count` records; raises AssertionError where a property does not hold."""
    settings = Settings(
        _env_file=None, allow_clear_pii=allow_clear, max_record_bytes=MAX_RECORD_BYTES
    )
    ingest = Ingest(settings, OneSchema())  # type: ignore[arg-type]  # of the registry, the one method
    needles = Readable(PLANTED)
    outcomes: Counter[str] = Counter()
    lines = _Lines()
    logging.getLogger().addHandler(lines)
    batch: list[bytes] = []
    try:
        with _standard_error() as said:
            for kind, value in records(seed, count):
                outcomes[f"sent {kind}"] += 1
                batch.append(value)
                if len(batch) == _STEP:
                    _step(ingest, batch, needles, outcomes)
                    batch = []
            if batch:
                _step(ingest, batch, needles, outcomes)
            assert not needles.in_text(said()), "standard error holds a planted identity"
    finally:
        logging.getLogger().removeHandler(lines)
    assert not [line for line in lines.kept if needles.in_text(line)]
    return outcomes


def _step(ingest: Ingest, values: list[bytes], needles: Readable, outcomes: Counter[str]) -> None:
    size = len(values)
    batch = RawBatch(
        values=values,
        keys=["k"] * size,
        partitions=[0] * size,
        offsets=list(range(size)),
        append_times=[_START_MS] * size,
    )
    arrivals = ingest.arrivals(batch)
    offsets = arrivals.bronze["offset"].to_list() + arrivals.dead_letters["offset"].to_list()
    assert sorted(offsets) == list(range(size)), "a record is lost or doubled"
    _refuse_leaks(arrivals, needles)
    outcomes["bronze"] += arrivals.bronze.height
    for name in arrivals.dead_letters["error_class"]:
        outcomes[f"dead letter {name}"] += 1


def _refuse_leaks(arrivals: Arrivals, needles: Readable) -> None:
    letters = arrivals.dead_letters.drop("sealed_payload")
    seals = b"".join(record for _, record in arrivals.seals).decode()
    found = needles.in_text(arrivals.bronze.write_json() + letters.write_json() + seals)
    assert not found, f"{len(found)} planted identities are readable"


@contextmanager
def _standard_error() -> Iterator[Callable[[], str]]:
    """Keeps what this process says there, libraries of other languages included."""
    before = os.dup(2)
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield lambda: os.pread(kept.fileno(), _MOST_SAID, 0).decode(errors="replace")
        finally:
            os.dup2(before, 2)
            os.close(before)


class _Lines(logging.Handler):
    """Keeps what is logged, at every level."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.kept: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(self.format(record))


def main() -> None:
    """Run and print the outcomes."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--records", type=int, default=200_000)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    began, cpu = time.monotonic(), time.process_time()
    for allow_clear in (False, True):
        outcomes = fuzz(chosen.seed, chosen.records // 2, allow_clear=allow_clear)
        print("clear identities allowed:" if allow_clear else "tokens only:")
        for name, number in sorted(outcomes.items()):
            print(f"  {name}: {number:,}")
        sys.stdout.flush()
    took, cpu = time.monotonic() - began, time.process_time() - cpu
    print(
        f"{chosen.records:,} records in {took:.0f} s, seed {chosen.seed}; "
        f"{1000 * cpu / chosen.records:.2f} ms of processor time a record"
    )


if __name__ == "__main__":
    main()
