"""Touches as they travel and as they are kept: what a rebuild reads is what the tasks heard."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fraudstream_platform.detection.exchange import Exchange
from fraudstream_platform.detection.exchange_touches import KINDS, Touches
from fraudstream_platform.drain.touches import (
    columns_of,
    kept_touches,
    message_rows,
    touches_of,
)
from fraudstream_platform.lake.commit import Batch, TableAppender
from fraudstream_platform.lake.files import write_file
from fraudstream_platform.lake.tables import ENTITY_TOUCHES, TOPIC_POSITION, create_tables
from fraudstream_platform.settings import Settings

FIRST_MS = 1_767_614_399_000  # a second before an hour's end
COUNTS = np.array([3, 1, 4])
APPENDED = [FIRST_MS, FIRST_MS + 900, FIRST_MS + 1_800]


def some_touches() -> Touches:
    """Touches with the largest numbers that each field may hold."""
    rows = int(COUNTS.sum())
    chance = np.random.default_rng(3)
    return Touches(
        np.arange(rows, dtype=np.int32) % 3,
        2**40 + np.arange(rows),
        FIRST_MS - np.arange(rows),
        chance.integers(2**31, 2**32, rows, np.uint32),
        np.full(rows, 7, np.uint8),
        chance.integers(2**31, 2**32, (len(KINDS), rows), np.uint32),
    )


def assert_same(one: Touches, other: Touches) -> None:
    for name, column in vars(one).items():
        got: NDArray[np.generic] = getattr(other, name)
        np.testing.assert_array_equal(column, got, err_msg=name)
        assert column.dtype == got.dtype


def test_a_message_gives_back_what_was_packed() -> None:
    """A field read in another's place would count strangers together."""
    touches = some_touches()
    assert_same(touches, touches_of(columns_of(touches)))


def test_the_table_gives_back_what_the_topic_held(tmp_path: Path) -> None:
    """A rebuild that hears other touches, or at other times, makes other rows than the live run."""
    settings = Settings(_env_file=None, data_dir=tmp_path)
    create_tables(settings)
    touches = some_touches()
    moments = [datetime.fromtimestamp(ms / 1000, UTC) for ms in APPENDED]
    places = pl.DataFrame(
        {"topic_partition": [0] * 3, "topic_offset": [5, 6, 7], "topic_append_time": moments},
        schema=pl.Schema(TOPIC_POSITION),
    )
    rows = message_rows(places, columns_of(touches), COUNTS)
    assert rows["hour"].to_list() == ["2026-01-05T11", "2026-01-05T11", "2026-01-05T12"]
    files = [
        write_file(settings, ENTITY_TOUCHES, str(hour), part)
        for (hour,), part in rows.group_by(["hour"], maintain_order=True)
    ]
    TableAppender(settings, ENTITY_TOUCHES, "test").commit([Batch({0: 5}, {0: 8}, files, True)])

    kept, appended = kept_touches(settings, 0, APPENDED[-1])
    assert_same(touches, kept)
    assert appended.tolist() == np.repeat(APPENDED, COUNTS).tolist()
    later, _ = kept_touches(settings, APPENDED[0], APPENDED[1])
    assert_same(touches.where(np.array([3])), later)
    none, moments_of_none = kept_touches(settings, APPENDED[-1], APPENDED[-1] + 10**9)
    Exchange().accept(none, moments_of_none)
    assert len(none) == 0
