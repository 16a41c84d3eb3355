"""Consumer groups show where the drain stands, seldom enough to cost nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from fraudstream_platform.drain import ledger
from fraudstream_platform.drain.journal import Entry, Kind, Term
from fraudstream_platform.settings import Settings

pytestmark = pytest.mark.unit


@dataclass
class Client:
    """Takes whatever a broker's client is asked, and keeps the offsets that it is to commit."""

    offsets: list[int] = field(default_factory=list)

    def commit(self, offsets: list[TopicPartition], asynchronous: bool) -> None:
        """Note where the group stands now."""
        assert asynchronous, "an alert's way waits for no mirror"
        self.offsets += [place.offset for place in offsets]

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


def entry(kind: Kind, stepped: int) -> Entry:
    return Entry(kind, 0, Term(0, 1, 0), "run", 0, stepped={0: stepped}, flushed={0: 0})


def test_steps_are_mirrored_now_and_then_and_a_windows_end_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Guards: two requests a transaction for nobody; a lag that stays where a window has ended."""
    mirrors: dict[str, Client] = {}
    monkeypatch.setattr(ledger, "reader", lambda _, name: mirrors.setdefault(name, Client()))
    monkeypatch.setattr(ledger, "transactional_producer", lambda *_: Client())
    monkeypatch.setattr(ledger, "admin", lambda _: Client())
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    written = ledger.Ledger(Settings(), 0)
    for stepped in (1, 2):
        written.commit([entry("step", stepped)], [])
    assert mirrors[ledger.ALERT_GROUP].offsets == [1]
    now = 101.5
    written.commit([entry("step", 3)], [])
    written.commit([entry("step", 4)], [])
    written.commit([entry("final", 5)], [])
    assert mirrors[ledger.ALERT_GROUP].offsets == [1, 3, 5]
