"""Cases: an attack raises an alert when it opens a case or brings news, and is a repeat otherwise.

A case is a family of evidence x an entity, within a sliding window of event time that ends for good
at a maximum age. What a case knows stands in one row for each family x entity that its alerts
named; all these rows carry the case's id. News is a score 100 higher, a stronger action, a pattern
or an entity that no open case knows.

Bounds: a row has `CELLS` numbers; rows that ended more than a day ago are forgotten when the
partition's offsets have passed a multiple of 2^16. Order is the log's and only rows at or above the
review score come here, so what is kept depends on the log alone, never on how it was cut into steps.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fraudstream_platform.detection.advance import EPOCH_BITS
from fraudstream_platform.detection.findings import Finding, Subject
from fraudstream_platform.detection.formulas import DAY_MS
from fraudstream_platform.detection.patterns import PATTERNS
from fraudstream_platform.detection.scoring import ACTIONS

CASE_NAMESPACE = uuid.UUID("5b0f3a6d-77c1-5d0e-8f2b-6c1f0a9e4d38")
SCORE_NEWS = 100
"""Points more than a case has seen that are news."""
WINDOW_MS = DAY_MS
LONG_WINDOWS_MS = {
    "bust_out": 3 * DAY_MS, "merchant_collusion": 7 * DAY_MS, "synthetic_identity": 7 * DAY_MS,
}  # fmt: skip
"""Sliding windows, in event time, of patterns that take longer than a day."""
WINDOWS_OF_AGE = 3
"""A case that never rests is closed after this many windows, so that somebody looks again."""

KEY, ENDS, OPENED, CLOSES, SCORE, ACTION, SEEN, ID_HIGH, ID_LOW = range(9)
"""A row's numbers: hashed key; end of the window, opening and last end of the case in ms; highest
score and action; patterns; case id."""
CELLS = 9
_BITS = {name: 1 << place for place, name in enumerate(PATTERNS)}
_START_ROWS = 64
_WORD = (1 << 64) - 1

Event = Literal["opened", "updated"]


@dataclass(frozen=True)
class Arrival:
    """The transaction behind some evidence: its id, offset and event time (ms)."""

    transaction_id: str
    offset: int
    time: int


@dataclass(frozen=True)
class Verdict:
    """The case that a row belongs to, on whose account, and whether it is an alert.

    `event` is None for a repeat. `key` is the family x entity through which the row belongs to it.
    """

    subject: Subject
    case_id: str
    key: str
    event: Event | None


@dataclass(frozen=True)
class _Standing:
    """What open cases know of a subject: the row for each finding (-1: none), and by which key."""

    subject: Subject
    rows: tuple[int, ...]
    keys: tuple[str, ...]
    event: Event | None

    def urgency(self) -> tuple[int, bool]:
        """First what opens a case, then news; the cardholder first, who may not come again."""
        return ("opened", "updated", None).index(self.event), not self.subject.is_cardholder


def case_id(key: str, transaction_id: str) -> str:
    """The same opening transaction gives the same case, whoever computes it."""
    return str(uuid.uuid5(CASE_NAMESPACE, f"{key}|{transaction_id}"))


def window_ms(pattern: str) -> int:
    """How long, in event time, a case of the pattern waits for the next transaction."""
    return LONG_WINDOWS_MS.get(pattern, WINDOW_MS)


class CaseTable:
    """The open cases of one partition."""

    def __init__(self) -> None:
        self._cells = np.zeros((_START_ROWS, CELLS), np.int64)
        self._rows: dict[int, int] = {}
        # [epoch of offsets, newest event time in ms]
        self._clock = np.array([-1, 0], np.int64)

    def take(self, subjects: Sequence[Subject], arrival: Arrival) -> Verdict:
        """Decide on a row's subjects (one at least) and remember it; rows come in offset order."""
        self._keep_up(arrival)
        standings = [self._standing(subject, arrival.time) for subject in subjects]
        for standing in standings:
            self._prolong(standing, arrival.time)
        chosen = min(standings, key=_Standing.urgency)
        if chosen.event is not None:
            return self._record(chosen, arrival)
        row, key = self._first_known(chosen)
        return Verdict(chosen.subject, self._id_of(row), key, None)

    def _keep_up(self, arrival: Arrival) -> None:
        epoch = arrival.offset >> EPOCH_BITS
        if epoch != self._clock[0]:
            self._clock[0] = epoch
            self._forget(int(self._clock[1]) - DAY_MS)
        self._clock[1] = max(int(self._clock[1]), arrival.time)

    def _forget(self, horizon_ms: int) -> None:
        held = self._cells[: len(self._rows)]
        kept = held[held[:, ENDS] >= horizon_ms]
        self._take_over(kept)

    def _take_over(self, cells: NDArray[np.int64]) -> None:
        self._cells = np.zeros((max(_START_ROWS, 2 * cells.shape[0]), CELLS), np.int64)
        self._cells[: cells.shape[0]] = cells
        self._rows = {key: row for row, key in enumerate(cells[:, KEY].tolist())}

    def _standing(self, subject: Subject, time: int) -> _Standing:
        found = [self._open(finding, time) for finding in subject.findings]
        rows, keys = tuple(row for row, _ in found), tuple(key for _, key in found)
        return _Standing(subject, rows, keys, self._event(subject, rows))

    def _open(self, finding: Finding, time: int) -> tuple[int, str]:
        """Row and key under which an open case knows the finding's entity; else -1, its own key."""
        for key in finding.keys:
            row = self._rows.get(_hashed(key), -1)
            if row >= 0:
                ends, opened = self._cells[row, ENDS : OPENED + 1].tolist()
                # A late event may come before the opening, as far as the window reaches.
                if opened - window_ms(finding.pattern) <= time <= ends:
                    return row, key
        return -1, finding.keys[0]

    def _event(self, subject: Subject, rows: Sequence[int]) -> Event | None:
        known = [row for row in rows if row >= 0]
        if not known:
            return "opened"
        score, action = self._cells[known, SCORE : ACTION + 1].max(axis=0).tolist()
        if subject.score >= score + SCORE_NEWS or ACTIONS.index(subject.action) > action:
            return "updated"
        for finding, row in zip(subject.findings, rows, strict=True):
            if row < 0 or not int(self._cells[row, SEEN]) & _BITS[finding.pattern]:
                return "updated"
        return None

    def _prolong(self, standing: _Standing, time: int) -> None:
        for finding, row in zip(standing.subject.findings, standing.rows, strict=True):
            if row >= 0:
                ends, closes = int(self._cells[row, ENDS]), int(self._cells[row, CLOSES])
                self._cells[row, ENDS] = max(ends, min(time + window_ms(finding.pattern), closes))

    def _first_known(self, standing: _Standing) -> tuple[int, str]:
        """The strongest finding that an open case knows."""
        pairs = zip(standing.rows, standing.keys, strict=True)
        return next((row, key) for row, key in pairs if row >= 0)

    def _record(self, standing: _Standing, arrival: Arrival) -> Verdict:
        """Open or update the case: each finding of the subject has a row of it afterwards."""
        subject = standing.subject
        if standing.event == "opened":
            key = standing.keys[0]
            identity = case_id(key, arrival.transaction_id)
            age_ms = WINDOWS_OF_AGE * window_ms(subject.findings[0].pattern)
            case = (arrival.time, arrival.time + age_ms, 0, 0, 0, *_halves(identity))
        else:
            row, key = self._first_known(standing)
            identity = self._id_of(row)
            opened, closes = self._cells[row, OPENED : CLOSES + 1].tolist()
            case = (opened, closes, 0, 0, 0, *_halves(identity))
        fresh = set[int]()
        for finding, row in zip(subject.findings, standing.rows, strict=True):
            place = row if row >= 0 else self._place(finding.keys[0])
            cells = self._cells[place]
            if row < 0 and place not in fresh:
                fresh.add(place)
                cells[ENDS] = min(arrival.time + window_ms(finding.pattern), case[1])
                cells[OPENED:] = case
            cells[SCORE] = max(int(cells[SCORE]), subject.score)
            cells[ACTION] = max(int(cells[ACTION]), ACTIONS.index(subject.action))
            cells[SEEN] |= _BITS[finding.pattern]
        return Verdict(subject, identity, key, standing.event)

    def _place(self, key: str) -> int:
        """The row of a key: one whose case has ended is used again."""
        hashed = _hashed(key)
        row = self._rows.get(hashed)
        if row is None:
            row = len(self._rows)
            if row == self._cells.shape[0]:
                self._take_over(self._cells)
            self._rows[hashed] = row
            self._cells[row, KEY] = hashed
        return row

    def _id_of(self, row: int) -> str:
        high, low = self._cells[row, ID_HIGH:].tolist()
        return str(uuid.UUID(int=(high & _WORD) << 64 | low & _WORD))

    def dump(self) -> dict[str, NDArray[Any]]:
        """Copies of the rows, in the order they came, and of the clock."""
        return {"cells": self._cells[: len(self._rows)].copy(), "clock": self._clock.copy()}

    def load(self, dumped: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `dump` gave."""
        self._clock = np.array(dumped["clock"], np.int64)
        self._take_over(np.asarray(dumped["cells"], np.int64))


def _hashed(key: str) -> int:
    """64 bits of a key; two open cases of a partition share one with a chance of about 1e-10."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)


def _halves(identity: str) -> tuple[int, int]:
    """A UUID as two signed words."""
    high, low = np.frombuffer(uuid.UUID(identity).bytes, ">i8").tolist()
    return high, low
