"""Makes one part of a stream: `python -m fraudstream_platform.bench.load.make CARDS PART`.

Each line of its input asks for the next stretch: a count of records and a file. It answers with
a line when the file is whole, and ends with its input. Simulating, tokens, Avro encoding and sealing are
done here, before anything is measured.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fraudstream_platform.bench.load import times
from fraudstream_platform.bench.load.block import LABELS, SEALS, TRANSACTIONS, BlockWriter
from fraudstream_platform.bench.load.plan import CHUNK, config
from fraudstream_platform.contracts.codec import Encoder, zigzag
from fraudstream_platform.contracts.schemas import avro_schema
from fraudstream_platform.protection.bulk_seal import BulkSealer
from fraudstream_platform.protection.keys import bulk_sealer_of, tokeniser_of
from fraudstream_platform.protection.tokens import Tokeniser
from fraudstream_platform.protection.vault import Identity
from fraudstream_platform.settings import get_settings
from fraudstream_platform.simulator.record import (
    NO_CHANGES,
    FastEncoder,
    Transaction,
    without_sending_time,
)
from fraudstream_platform.simulator.stream import Stream

_ANY_SCHEMA = 0
"""The registry that will know the schema is not there yet."""
_PREFIX_BYTES = 5


class Maker:
    """Writes a part's seals, transactions and labels in the order of their sending."""

    def __init__(self, cards: int, part: int, tokeniser: Tokeniser, sealer: BulkSealer) -> None:
        self._stream = Stream(config(cards, part), tokeniser)
        self._batches = self._stream.batches()
        self._sealer = sealer
        self._encoder = FastEncoder(_ANY_SCHEMA)
        self._label_encoder = Encoder(_ANY_SCHEMA, avro_schema("transaction_label"))
        self._is_known = False

    def make(self, count: int, path: Path) -> None:
        """Write the next `count` records, whole chunks; the first ones are the history.

        It begins with everybody's seals, and says of no record when it was meant to be sent.
        """
        with BlockWriter(path) as writer:
            if not self._is_known:
                for identities in self._stream.introduce():
                    self._seal(writer, identities)
            for _ in range(count // CHUNK):
                batch = next(self._batches)
                self._seal(writer, batch.identities)
                self._write(writer, batch.transactions)
                self._label(writer, batch.labels)
        self._is_known = True

    def _seal(self, writer: BlockWriter, identities: Sequence[Identity]) -> None:
        records = self._sealer.vault_records(identities)
        keys, values = [key for key, _ in records], [value for _, value in records]
        writer.write(SEALS, keys, values, [0] * len(keys))

    def _write(self, writer: BlockWriter, transactions: Sequence[Transaction]) -> None:
        if any(one.changes is not NO_CHANGES for one in transactions):
            raise ValueError("a record holds more times than are shifted")
        if not self._is_known:
            transactions = [without_sending_time(one) for one in transactions]
        keys = [one.key.encode() for one in transactions]
        values = [self._encoder.encode(one) for one in transactions]
        writer.write(TRANSACTIONS, keys, values, [event_at(o.transaction_id) for o in transactions])

    def _label(self, writer: BlockWriter, labels: Sequence[dict[str, Any]]) -> None:
        values = [self._label_encoder.encode(label) for label in labels]
        keys = [label["transaction_id"].encode() for label in labels]
        # Behind the time stands the source alone, a text shorter than 64 bytes.
        behind = [times.SIZE + 1 + len(label["source"]) for label in labels]
        ats = [len(value) - size for value, size in zip(values, behind, strict=True)]
        writer.write(LABELS, keys, values, ats)


def event_at(transaction_id: str) -> int:
    """Where a transaction's event time stands: behind the prefix and the id."""
    size = len(transaction_id)
    return _PREFIX_BYTES + len(zigzag(size)) + size


def main(cards: int, part: int) -> None:
    """Make stretch after stretch."""
    gc.disable()  # nothing here makes cycles
    settings = get_settings()
    maker = Maker(cards, part, tokeniser_of(settings), bulk_sealer_of(settings))
    for line in sys.stdin:
        count, path = line.rstrip("\n").split(" ", 1)
        maker.make(int(count), Path(path))
        sys.stdout.write(f"{path}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
