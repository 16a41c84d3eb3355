"""What a task does that finds itself fenced: who is newer by the journal decides, nothing else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from fraudstream_platform.drain import task
from fraudstream_platform.drain.assignment import Assignment
from fraudstream_platform.drain.journal import Term
from fraudstream_platform.drain.ledger import FencedError
from fraudstream_platform.settings import Settings

MINE = Assignment(60_000, 120_000, 1, "run-b", 0, 1)


class Owner:
    """Fenced at its first word, as by one that woke up; later let alone."""

    fenced = 0

    def __init__(self, *_: Any) -> None: ...

    def take_over(self, _: Any) -> None:
        type(self).fenced += 1
        if self.fenced == 1:
            raise FencedError("fenced")

    def drain(self) -> None: ...

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("newest", "outcome"),
    [
        (Term(0, 1, 0), "finished"),  # an older window's owner woke up
        (Term(60_000, 1, 0), "finished"),  # one's own transaction timed out
        (Term(60_000, 2, 0), "superseded"),
        (Term(120_000, 1, 0), "superseded"),
    ],
)
def test_only_a_newer_term_makes_a_fenced_task_leave(
    monkeypatch: pytest.MonkeyPatch, newest: Term, outcome: str
) -> None:
    """Who leaves a group to an older owner leaves it to nobody: that one's window is over."""
    ledger = SimpleNamespace(fence=lambda: None, close=lambda: None)
    run_id = MINE.run_id if newest.window == MINE.window_start else "run-a"
    seen = iter([None, *[SimpleNamespace(term=newest, run_id=run_id)] * 3])
    monkeypatch.setattr(Owner, "fenced", 0)
    monkeypatch.setattr(task, "Owner", Owner)
    monkeypatch.setattr(task, "Ledger", lambda *_: ledger)
    monkeypatch.setattr(task, "read_standing", lambda *_: next(seen))
    monkeypatch.setattr(task, "_ASK_JOURNAL_SECONDS", 0.0)
    settings = Settings(_env_file=None)
    assert task._own(settings, MINE, None, None, ledger) == outcome  # type: ignore[arg-type]
