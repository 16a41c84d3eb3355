"""What is proven to be read has been read, whatever comes between asking and answer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fraudstream_platform.drain.read_proof import CLOCKS_MS, ReadProof

_ACTS = st.lists(
    st.tuples(
        st.sampled_from(("append", "read", "ask", "answer")),
        st.integers(0, 400),  # ms that pass before it
        st.integers(1, 3),
    ),
    max_size=60,
)


@given(_ACTS, st.integers(-1_000, CLOCKS_MS - 1))
def test_nothing_unread_was_appended_by_the_proven_moment(
    acts: list[tuple[str, int, int]], ahead_ms: int
) -> None:
    """A proof too bold lets a record miss touches that a rebuild gives it: rows would differ."""
    now, read = 10**12, 0
    appended: list[int] = []
    asked: list[tuple[int, int]] = []
    proof = ReadProof()
    for act, pause, count in acts:
        now += pause
        if act == "append":
            appended += [now] * count
        elif act == "read" and read < len(appended):
            read = min(len(appended), read + count)
            proof.read(read, appended[read - 1])
        elif act == "ask":  # the broker looks a little after the worker has read its own clock
            asked.append((len(appended), now + ahead_ms))
        elif act == "answer" and asked:
            proof.found_end(*asked.pop(0))
        assert all(moment > proof.until_ms for moment in appended[read:])
        # A record of this moment may come next: nothing appended from now on is proven read.
        assert proof.until_ms <= now


def test_an_idle_topic_is_proven_by_its_end() -> None:
    """Nobody tells anything at night: the first record of the morning must not wait for a message."""
    proof = ReadProof()
    proof.found_end(0, 10**12)
    assert proof.until_ms == 10**12 - CLOCKS_MS
    proof.found_end(5, 10**12 + 700)
    assert proof.until_ms == 10**12 - CLOCKS_MS
    proof.read(5)
    assert proof.until_ms == 10**12 + 700 - CLOCKS_MS
