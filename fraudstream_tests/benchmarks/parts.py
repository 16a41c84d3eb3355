"""What each part of a step costs a record: `python -m fraudstream_tests.benchmarks.parts`.

Simulated records go through the drain's own step, from Kafka's bytes to encoded alerts, and their
rows to Parquet; every part is timed where it is called, less the parts within it. Processor time of
the whole process with one polars thread, as in a task, so other programs disturb it little. With
`--profile FILE` cProfile's figures of the same steps go to FILE instead.
"""

from __future__ import annotations

import cProfile
import functools
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import polars as pl
import typer

from fraudstream_platform.contracts.codec import Encoder, WriterSchema
from fraudstream_platform.contracts.schemas import avro_schema
from fraudstream_platform.contracts.texts import Texts
from fraudstream_platform.detection import step as stepping
from fraudstream_platform.detection.exchange import Exchange
from fraudstream_platform.detection.state import PartitionState
from fraudstream_platform.drain import ingest
from fraudstream_platform.drain.source import RawBatch
from fraudstream_platform.drain.stepper import Stepper
from fraudstream_platform.lake import files
from fraudstream_platform.protection.tokens import Tokeniser
from fraudstream_platform.settings import Settings
from fraudstream_platform.simulator.record import FastEncoder
from fraudstream_platform.simulator.stream import Stream, StreamConfig
from fraudstream_tests.benchmarks.one_thread import run_with_one_thread

_START_MS = 1_780_000_000_000
_WARM_STEPS = 20
_FLUSH_S = 4.0
PARTS: dict[str, tuple[object, str]] = {
    "decode": (WriterSchema, "decode"),
    "screen": (ingest, "clear_rows"),
    "protect": (ingest, "protect_frame"),
    "guard texts": (ingest, "unsafe_rows"),
    "ingest, the rest": (ingest.Ingest, "arrivals"),
    "read texts": (Texts, "of"),
    "hash": (stepping, "hash_texts"),
    "validate": (stepping, "judge"),
    "events": (stepping, "read_events"),
    "features": (PartitionState, "advance"),
    "exchange": (Exchange, "attend"),
    "patterns": (stepping, "score_batch"),
    "alerts and cases": (stepping, "raise_alerts"),
    "feature rows": (stepping.Detector, "_features"),
    "step, the rest": (stepping.Detector, "step"),
    "encode alerts": (Stepper, "_encoded"),
    "encode Parquet": (files, "encode"),
}


MASKING = ("screen", "protect", "guard texts")
"""What no identity in the clear costs; `screen` looks for some other things besides."""
MASKING_AIM_US = 3.0


class Clock:
    """Processor time of named functions, each less the timed ones that it calls."""

    def __init__(self) -> None:
        self.taken_ns: dict[str, int] = defaultdict(int)
        self._inner: list[int] = [0]

    def timed(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """`work`, whose time goes to `name`."""

        @functools.wraps(work)
        def measured(*args: Any, **kwargs: Any) -> Any:
            self._inner.append(0)
            start = time.process_time_ns()
            try:
                return work(*args, **kwargs)
            finally:
                took = time.process_time_ns() - start
                self.taken_ns[name] += took - self._inner.pop()
                self._inner[-1] += took

        return measured


def batches(records: int, size: int, partitions: int, tps: float) -> Iterator[RawBatch]:
    """Simulated records as a task reads them, `size` a batch."""
    config = StreamConfig(
        seed=3, tps=tps, count=records, start_ms=_START_MS, customers=20_000, batch_slots=size
    )
    encoder, offset = FastEncoder(1), 0
    for made in Stream(config, Tokeniser(b"a key for this benchmark")).batches():
        batch = RawBatch()
        for transaction in made.transactions:
            batch.values.append(encoder.encode(transaction))
            batch.keys.append(transaction.key)
            batch.partitions.append(sum(transaction.key.encode()) % partitions)
            batch.offsets.append(offset)
            batch.append_times.append(transaction.head[1] or 0)
            offset += 1
        yield batch


def stepper() -> Stepper:
    """The step of a task that needs no registry."""
    writer = WriterSchema(1, avro_schema("transaction"))
    encoder = Encoder(2, avro_schema("fraud_alert"))
    schemas = SimpleNamespace(writer=lambda _: writer, alert_encoder=lambda: encoder)
    return Stepper(Settings(_env_file=None), schemas, "2026-05-28T20")  # type: ignore[arg-type]


class Work:
    """Steps batches, and encodes their rows as a flush does."""

    def __init__(self, tps: float) -> None:
        self._stepper = stepper()
        self._rows_a_flush = round(tps * _FLUSH_S)
        self._held: dict[str, list[pl.DataFrame]] = defaultdict(list)
        self._rows = 0

    def step(self, batch: RawBatch) -> None:
        output = self._stepper.step(batch, {})
        self._rows += len(batch)
        for table, frame in output.frames.items():
            if frame.height:
                self._held[table].append(frame)
        if self._rows >= self._rows_a_flush:
            for table, frames in self._held.items():
                files.encode(table, pl.concat(frames))
            self._held.clear()
            self._rows = 0


def measured(work: Work, given: list[RawBatch]) -> dict[str, float]:
    """Microseconds a record of each part."""
    clock = Clock()
    originals = {place: getattr(*place) for place in PARTS.values()}
    try:
        for name, place in PARTS.items():
            setattr(*place, clock.timed(name, originals[place]))
        for batch in given:
            work.step(batch)
    finally:
        for place, original in originals.items():
            setattr(*place, original)
    records = sum(map(len, given))
    return {name: clock.taken_ns[name] / 1000 / records for name in PARTS}


def main(
    records: Annotated[int, typer.Option(help="Measured; as many steps warm up.")] = 100_000,
    size: Annotated[int, typer.Option(help="Records a step.")] = 500,
    partitions: Annotated[int, typer.Option(help="Of the task's group.")] = 6,
    tps: Annotated[float, typer.Option(help="Of the group; a flush holds 4 s of it.")] = 5_000.0,
    profile: Annotated[Path | None, typer.Option(help="Write cProfile's figures here.")] = None,
) -> None:
    """Print the table."""
    stepping.warm_up()
    given = list(batches(records + _WARM_STEPS * size, size, partitions, tps))
    work = Work(tps)
    for batch in given[:_WARM_STEPS]:
        work.step(batch)
    rest = given[_WARM_STEPS:]
    if profile is not None:
        with cProfile.Profile(time.process_time) as profiler:
            for batch in rest:
                work.step(batch)
        profiler.dump_stats(profile)
        return
    parts = measured(work, rest)
    typer.echo(f"{size} records a step, {sum(map(len, rest)):,} records; us a record")
    for name, microseconds in parts.items():
        typer.echo(f"{name:20} {microseconds:6.2f}")
    typer.echo(f"{'together':20} {sum(parts.values()):6.2f}")
    masking = sum(parts[name] for name in MASKING)
    typer.echo(f"{'of it masking':20} {masking:6.2f}   (aim: at most {MASKING_AIM_US:g})")


if __name__ == "__main__":
    run_with_one_thread("fraudstream_tests.benchmarks.parts")
    typer.run(main)
