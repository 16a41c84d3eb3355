"""Blocks of encoded messages of one topic, in a file of Arrow's stream format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fraudstream_platform.bench.load import times

TRANSACTIONS, LABELS, SEALS = "transactions", "labels", "seals"
_SCHEMA = pa.schema(
    [("key", pa.binary()), ("value", pa.binary()), ("time_at", pa.int16())],
)
"""`time_at` is where in the value its event time stands; 0 for seals, which have none."""
_TOPIC = "topic"
_SCHEMA_ID_AT = 1
"""Behind the magic byte of Confluent's wire format, four bytes, big-endian."""


@dataclass
class Block:
    """Messages of one topic in order, their values one after the other in `data`."""

    topic: str
    keys: list[bytes]
    data: times.Bytes
    bounds: NDArray[np.int64]
    """Where each value begins, and the end of the last."""
    time_at: NDArray[np.int64]

    def __len__(self) -> int:
        """How many messages."""
        return len(self.keys)

    def set_schema(self, schema_id: int) -> None:
        """Write the id that this registry gave the schema into every value."""
        wanted = np.frombuffer(schema_id.to_bytes(4, "big"), np.uint8)
        self.data[self.bounds[:-1, None] + _SCHEMA_ID_AT + np.arange(4)] = wanted

    def shift_events(self, by_ms: int) -> None:
        """Move every event time."""
        times.shift(self.data, self._events(), by_ms)

    def set_sending(self, times_ms: NDArray[np.int64]) -> None:
        """Write `sent_at`, which stands behind the event time and the byte that says it is not null."""
        times.write(self.data, self._events() + times.SIZE + 1, times_ms)

    def values(self) -> list[bytes]:
        """The values as they are now."""
        whole, bounds = self.data.tobytes(), self.bounds.tolist()
        return [whole[a:b] for a, b in pairwise(bounds)]

    def _events(self) -> times.Places:
        return np.asarray(self.bounds[:-1] + self.time_at)


class BlockWriter:
    """Writes blocks one after the other; a context manager."""

    def __init__(self, path: Path) -> None:
        self._writer: Any = pa.ipc.new_stream(str(path), _SCHEMA)

    def __enter__(self) -> BlockWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def write(
        self, topic: str, keys: Sequence[bytes], values: Sequence[bytes], time_at: Sequence[int]
    ) -> None:
        """Add a block, unless it is empty."""
        if keys:
            batch = pa.record_batch([keys, values, time_at], _SCHEMA)
            self._writer.write_batch(batch, custom_metadata={_TOPIC: topic})


def read_blocks(path: Path) -> Iterator[Block]:
    """All blocks of a file, one in memory at a time."""
    with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as stream:
        while True:
            try:
                batch, metadata = stream.read_next_batch_with_custom_metadata()
            except StopIteration:
                return
            _, bounds, data = batch.column("value").buffers()
            yield Block(
                metadata[_TOPIC].decode(),
                batch.column("key").to_pylist(),
                np.frombuffer(data, np.uint8).copy(),
                np.frombuffer(bounds, np.int32)[: len(batch) + 1].astype(np.int64),
                batch.column("time_at").to_numpy().astype(np.int64),
            )
