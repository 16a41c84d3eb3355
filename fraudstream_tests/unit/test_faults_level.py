"""Records of partitions that were committed unevenly far."""

from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from fraudstream_tests.faults.expected import Record
from fraudstream_tests.faults.level import Level

PARTITIONS = 3
STREAMS = st.lists(st.lists(st.integers(0, 50), max_size=20), min_size=3, max_size=3)
"""Append times by partition."""


@given(STREAMS, st.lists(st.tuples(*[st.integers(0, 20)] * PARTITIONS), max_size=5))
def test_records_come_in_append_order_whatever_is_committed(
    streams: list[list[int]], rounds: list[tuple[int, ...]]
) -> None:
    """Guards against a naive oracle that hears of records which it has not seen yet."""
    level = Level(PARTITIONS)
    for partition, stream in enumerate(streams):
        for offset, append_ms in enumerate(sorted(stream)):
            level.add(Record(partition, offset, append_ms, None, b""))
    ends = dict(enumerate(map(len, streams)))
    committed = dict.fromkeys(ends, 0)
    passed: list[Record] = []
    for commits in rounds:
        committed = {p: min(ends[p], max(committed[p], commits[p])) for p in ends}
        passed += level.take(committed, inf)
        assert all(level.passed[p] <= committed[p] for p in ends)
    passed += level.take(ends, inf)
    keys = [(one.append_ms, one.partition, one.offset) for one in passed]
    assert [key[0] for key in keys] == sorted(key[0] for key in keys)
    assert sorted(one.place for one in passed) == [(p, n) for p in ends for n in range(ends[p])]


def test_what_is_not_settled_waits() -> None:
    """An append time may step back: a record of a moment ago is not yet known to be the next one."""
    level = Level(1)
    for offset, append_ms in enumerate((5, 9)):
        level.add(Record(0, offset, append_ms, None, b""))
    assert [one.offset for one in level.take({0: 2}, 9)] == [0]
    assert level.passed == {0: 1}
