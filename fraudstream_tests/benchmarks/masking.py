"""What masking costs a record: `python -m fraudstream_tests.benchmarks.masking`.

Processor time of the process, one thread for polars as in a task; best and median of many steps of
500 records, at steady state: every value has been met before. Measured apart: the drain, where a source
sends tokens (all columns are looked at, nothing is to be done); the drain, where clear identities are
allowed and every one is clear; and a source, which makes tokens of a record's identities. The aim of the
first and the last is 3 us a record.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import polars as pl

from fraudstream_platform.contracts.schemas import IDENTITY_KINDS, transaction_schema
from fraudstream_platform.contracts.texts import Texts
from fraudstream_platform.protection.identity import SealedTokens, clear_rows, protect_frame
from fraudstream_platform.protection.text_guard import unsafe_rows
from fraudstream_platform.protection.tokens import Tokeniser
from fraudstream_platform.protection.vault import Identity, Sealer
from fraudstream_platform.settings import EXAMPLE_VAULT_KEY
from fraudstream_platform.simulator.stream import stream
from fraudstream_tests.benchmarks.one_thread import run_with_one_thread

ROWS, STEPS = 500, 200
_START_MS = 1_763_940_000_000


def per_record_us(work: Callable[[], object]) -> tuple[float, float]:
    """Best and median processor time a record, us."""
    taken = []
    for _ in range(STEPS):
        start = time.process_time_ns()
        work()
        taken.append((time.process_time_ns() - start) / 1000 / ROWS)
    return min(taken), statistics.median(taken)


def main() -> None:
    """Print the figures."""
    tokeniser, originals, records = _simulated()
    frame = _frame(records)
    clear = _frame([_in_the_clear(record, originals) for record in records])
    sealer, sealed = Sealer(EXAMPLE_VAULT_KEY), SealedTokens()
    values = [
        [(kind, record[name]) for name, kind in IDENTITY_KINDS.items() if record[name] is not None]
        for record in clear.iter_rows(named=True)
    ]

    def look(rows: pl.DataFrame, allow_clear: bool) -> None:
        texts = Texts.of(rows)
        protect_frame(rows, clear_rows(texts), tokeniser, allow_clear, sealer, sealed)
        unsafe_rows(texts)

    def make_tokens() -> None:
        for record in values:
            for kind, value in record:
                tokeniser.token(kind, value)

    look(clear, True)  # from now on every value has been met
    for name, work in (
        ("drain, tokens", lambda: look(frame, False)),
        ("drain, all in the clear", lambda: look(clear, True)),
        ("source", make_tokens),
    ):
        best, median = per_record_us(work)
        print(f"{name}: best {best:.2f} us, median {median:.2f} us a record")
    print(f"{sum(map(len, values)) / ROWS:.1f} identities a record")


def _simulated() -> tuple[Tokeniser, dict[str, Identity], list[dict[str, object]]]:
    tokeniser = Tokeniser(b"a key for this benchmark")
    batches = list(stream(5, 500, 4, tokeniser=tokeniser, start_ms=_START_MS))
    records = [record for batch in batches for record in batch.records()]
    return tokeniser, {o.token: o for b in batches for o in b.identities}, records[:ROWS]


def _in_the_clear(record: dict[str, object], originals: dict[str, Identity]) -> dict[str, object]:
    changed = {
        name: originals[str(record[name])].value
        for name in IDENTITY_KINDS
        if record[name] is not None
    }
    return record | changed


def _frame(records: list[dict[str, object]]) -> pl.DataFrame:
    columns = [
        pl.Series(name, [r[name] for r in records], pl.Int64() if dtype.is_temporal() else dtype)
        for name, dtype in transaction_schema().items()
    ]
    return pl.DataFrame(columns)


if __name__ == "__main__":
    run_with_one_thread("fraudstream_tests.benchmarks.masking")
    main()
