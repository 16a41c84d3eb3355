"""The long-lived task of one partition group, from standby to final record.

1. Read where the group stands in the journal; leave where a newer term owns it. While the owner is
   alive and the window's start is not near, wait with nothing in memory.
2. Restore the newest usable snapshot and replay the log from it, holding outputs and trimming
   them as the owner's records arrive (standby).
3. Take over when the owner's final record appears, or when the owner is dead: fence, read the
   journal again, leave where a newer term is in it, journal `owner` with the alerts still owed.
4. Own: step, publish, flush, until the window's boundary is known in every partition.
5. Journal the last flush and `final` in one transaction, and return.
"""

from __future__ import annotations

import logging
import time
from typing import Literal

from fraudstream_platform.drain.assignment import SHADOW_SECONDS, Assignment
from fraudstream_platform.drain.crash_points import crash_point
from fraudstream_platform.drain.journal import JournalReader
from fraudstream_platform.drain.ledger import FencedError, Ledger
from fraudstream_platform.drain.owner import Owner, RunLostError
from fraudstream_platform.drain.positions import Positions, covers
from fraudstream_platform.drain.resume import (
    Standing,
    read_standing,
    refuse_regrouping,
    standing_of,
)
from fraudstream_platform.drain.stream import Stream
from fraudstream_platform.settings import Settings

log = logging.getLogger(__name__)

Outcome = Literal["finished", "superseded", "run_lost"]
_ASK_ENDS_SECONDS = 0.3
_CAUGHT_UP_FOR_SECONDS = 2.0
_SHADOW_PACE_SECONDS = 0.2
_KEEN_SECONDS = 0.5
_ASK_JOURNAL_SECONDS = 0.5
_MARKERS_SECONDS = 0.03
"""From reading a `final` record to fencing: its transaction may still be completing in other
partitions, and a client that is told so asks again half a second later."""


def run_group(settings: Settings, assignment: Assignment) -> Outcome:
    """Drain one group for one window, from standby to its final record."""
    journal = JournalReader(settings)
    try:
        standing = _wait_for_turn(settings, journal, assignment)
        if standing is not None and standing.term > assignment.term:
            return "superseded"
        stream = Stream(settings, assignment, standing)
        ledger = Ledger(settings, assignment.group)  # connected now, so that taking over is quick
        try:
            if standing is not None:
                refuse_regrouping(standing, stream.partitions)
            if not _Standby(settings, assignment, journal, stream, standing).wait():
                return "superseded"
            return _own(settings, assignment, journal, stream, ledger)
        finally:
            stream.close()
            ledger.close()
    finally:
        journal.close()


def _wait_for_turn(
    settings: Settings, journal: JournalReader, assignment: Assignment
) -> Standing | None:
    """Where the group stands when it is time to shadow its owner, or to replace it.

    A standby steps every record a second time, so it begins late: a snapshot's load and the replay
    since it are short against `SHADOW_SECONDS`.
    """
    while True:
        standing = read_standing(journal, assignment.group)
        near = time.time() > assignment.window_start / 1000 - SHADOW_SECONDS
        if standing is None or near or standing.is_final:
            return standing
        silent = time.time() - standing.at / 1000 > settings.lease_seconds / 2
        if silent or standing.term.window >= assignment.window_start:
            return standing
        time.sleep(_ASK_JOURNAL_SECONDS)


class _Standby:
    """Follows the log and the owner's records until it is time to take over."""

    def __init__(
        self,
        settings: Settings,
        assignment: Assignment,
        journal: JournalReader,
        stream: Stream,
        standing: Standing | None,
    ) -> None:
        self._lease = settings.lease_seconds
        self._assignment = assignment
        self._journal = journal
        self._stream = stream
        self._standing = standing
        self._asked_at = 0.0
        self._asked: Positions | None = None
        self._caught_up_at = -_CAUGHT_UP_FOR_SECONDS
        journal.follow({assignment.group: standing.journal_offset + 1 if standing else 0})

    def wait(self) -> bool:
        """True when the group can be taken over, False where a newer term has it."""
        while True:
            self._read_journal()
            if self._standing is not None and self._standing.term > self._assignment.term:
                return False
            self._stream.advance()
            self._see_whether_caught_up()
            if self._owner_is_done() or (self._is_caught_up() and self._owner_is_dead()):
                return True
            self._keep_pace()

    def _keep_pace(self) -> None:
        """Shadow in larger steps, which cost less, until the hand-over is near."""
        to_start = self._assignment.window_start / 1000 - time.time()
        if self._is_caught_up() and to_start > _KEEN_SECONDS:
            time.sleep(min(_SHADOW_PACE_SECONDS, to_start - _KEEN_SECONDS))

    def _read_journal(self) -> None:
        for entry in self._journal.poll(0):
            known = self._standing
            self._standing = standing_of([entry]) if known is None else known.after(entry)
            self._stream.held.advance(entry.flushed, entry.stepped)

    def _see_whether_caught_up(self) -> None:
        now = time.monotonic()
        if self._asked is None and now - self._asked_at > _ASK_ENDS_SECONDS:
            self._asked_at, self._asked = now, self._stream.queried_ends()
        if self._asked is None:
            return
        source = self._stream.source
        open_ends = {p: end for p, end in self._asked.items() if p not in source.bounds}
        if covers(source.positions, open_ends):
            self._caught_up_at, self._asked = self._asked_at, None

    def _is_caught_up(self) -> bool:
        return time.monotonic() - self._caught_up_at < _CAUGHT_UP_FOR_SECONDS

    def _owner_is_done(self) -> bool:
        return self._standing is not None and self._standing.is_final

    def _owner_is_dead(self) -> bool:
        """Nobody owned before this window; or an earlier try at it did; or the owner is silent."""
        standing = self._standing
        if standing is None:  # a predecessor may be starting too: the window's start is its turn
            return time.time() * 1000 >= self._assignment.window_start
        if standing.term.window == self._assignment.window_start:
            return True
        return time.time() - standing.at / 1000 > self._lease


def _own(
    settings: Settings,
    assignment: Assignment,
    journal: JournalReader,
    stream: Stream,
    ledger: Ledger,
) -> Outcome:
    while True:
        owner = Owner(settings, assignment, ledger, journal, stream)
        try:
            time.sleep(_MARKERS_SECONDS)
            ledger.fence()
            # Fencing has no order (the last to come wins): the journal decides who is newer.
            standing = read_standing(journal, assignment.group)
            if standing is not None and standing.term > assignment.term:
                return "superseded"
            crash_point(settings, "fenced")
            owner.take_over(standing)
            owner.drain()
            return "finished"
        except FencedError as error:
            # One's own transaction timeout, a newer owner and an older one that woke up look the
            # same from here. Leaving to an older one would leave the group to nobody.
            standing = read_standing(journal, assignment.group)
            if standing is not None and standing.term > assignment.term:
                return "superseded"
            log.warning("%s; nobody newer owns the group: initialising again", error)
            ledger.close()
            time.sleep(_ASK_JOURNAL_SECONDS)
            ledger = Ledger(settings, assignment.group)
        except RunLostError as error:
            log.warning("%s", error)
            return "run_lost"
        finally:
            owner.close()
