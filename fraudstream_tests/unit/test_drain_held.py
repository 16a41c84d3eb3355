"""What is held between the stream's head and the journaled positions."""

from __future__ import annotations

import pytest

from fraudstream_platform.drain.held import AlertRecord, Held, StepOutput
from fraudstream_platform.drain.journal import Entry, Term
from fraudstream_platform.drain.resume import standing_of
from fraudstream_tests.unit.outputs import step_output

pytestmark = pytest.mark.unit


def output(offsets: range, alerts: tuple[int, ...] = ()) -> StepOutput:
    records = [AlertRecord(0, offset, b"", b"", None) for offset in alerts]
    return step_output({0: offsets}, records)


def offsets_of(held: Held) -> list[int]:
    return held.rows_to_flush().frames()["bronze.transactions"]["offset"].to_list()


def test_rows_before_the_flush_are_never_written_again() -> None:
    """A replay that starts before the last flush would double its rows."""
    held = Held({0: 5}, {0: 5})
    held.add(output(range(10)))
    assert offsets_of(held) == list(range(5, 10))


def test_alerts_before_the_step_are_not_published_again() -> None:
    """A replay raises the same alerts; those on the topic already are left out."""
    held = Held({0: 0}, {0: 7})
    held.add(output(range(10), alerts=(3, 7, 9)))
    assert [alert.offset for alert in held.due_alerts()] == [7, 9]


def test_the_owners_records_trim_a_standby() -> None:
    """A standby that kept everything would publish and flush what its owner did."""
    held = Held({0: 0}, {0: 0})
    held.add(output(range(5), alerts=(1,)))
    held.add(output(range(5, 10), alerts=(6,)))
    held.advance({0: 5}, {0: 6})
    assert offsets_of(held) == list(range(5, 10))
    assert [alert.offset for alert in held.due_alerts()] == [6]


def entry(kind: str, term: Term, flushed: int, **fields: object) -> Entry:
    return Entry(kind, 0, term, str(term), 0, {0: flushed}, {0: flushed}, **fields)  # type: ignore[arg-type]


def test_a_standing_never_goes_back() -> None:
    """A fenced owner's late record must not rewind what its successor has journaled."""
    old, new = Term(1, 1, 0), Term(2, 1, 0)
    standing = standing_of(
        [entry("owner", old, 10), entry("owner", new, 20), entry("step", old, 15)]
    )
    assert standing is not None
    assert standing.term == new
    assert standing.flushed == {0: 20}


def test_a_final_record_ends_only_its_own_term() -> None:
    """A new owner after a final record is alive: nobody may take over from it at once."""
    old, new = Term(1, 1, 0), Term(2, 1, 0)
    standing = standing_of([entry("final", old, 10), entry("owner", new, 10)])
    assert standing is not None
    assert not standing.is_final
