"""Cases of one partition: docs/alerts.md, "Cases" and "Suppression"."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fraudstream_tests.oracle.subjects import ACTIONS

DAY = 86_400_000
_NAMESPACE = uuid.UUID("5b0f3a6d-77c1-5d0e-8f2b-6c1f0a9e4d38")
_NEWS = 100
_WINDOWS_OF_AGE = 3
_OFFSETS = 65_536


class Found(Protocol):
    """A pattern that fired; the key of its own case first."""

    @property
    def pattern(self) -> str: ...
    @property
    def keys(self) -> tuple[str, ...]: ...


class Suspect(Protocol):
    """Whom it is about."""

    @property
    def findings(self) -> Sequence[Found]: ...
    @property
    def score(self) -> int: ...
    @property
    def action(self) -> str: ...
    @property
    def is_cardholder(self) -> bool: ...


@dataclass
class _Case:
    identity: str
    opened: int
    closes: int


@dataclass
class _Told:
    """What was told under one key, in its newest case."""

    case: _Case
    ends: int
    score: int
    action: int
    patterns: set[str]


class Cases:
    """What alerts have told so far, by family x entity."""

    def __init__(self) -> None:
        self._told: dict[str, _Told] = {}
        self._age = 0
        self._newest = 0

    def take(
        self, suspects: Sequence[Suspect], transaction_id: str, offset: int, time: int
    ) -> tuple[int, str, str, str | None]:
        """The suspect of the row's case (its place), case id, key, and what it is (None: a repeat)."""
        self._forget(offset, time)
        known = [[self._open(f, time) for f in one.findings] for one in suspects]
        events = [self._event(one, keys) for one, keys in zip(suspects, known, strict=True)]
        for one, keys in zip(suspects, known, strict=True):
            for finding, key in zip(one.findings, keys, strict=True):
                if key is not None:
                    told = self._told[key]
                    until = min(time + window(finding.pattern), told.case.closes)
                    told.ends = max(told.ends, until)
        place = min(
            range(len(suspects)),
            key=lambda at: (
                ["opened", "updated", None].index(events[at]),
                not suspects[at].is_cardholder,
                at,
            ),
        )
        one, event = suspects[place], events[place]
        held = next((key for key in known[place] if key is not None), None)
        if held is None:
            first = one.findings[0]
            held = first.keys[0]
            identity = str(uuid.uuid5(_NAMESPACE, f"{held}|{transaction_id}"))
            case = _Case(identity, time, time + _WINDOWS_OF_AGE * window(first.pattern))
        else:
            case = self._told[held].case
        if event is not None:
            self._tell(one, known[place], case, time)
        return place, case.identity, held, event

    def _forget(self, offset: int, time: int) -> None:
        """What ended a day before the newest, whenever offsets pass a multiple."""
        if offset // _OFFSETS != self._age:
            horizon = self._newest - DAY
            self._told = {key: told for key, told in self._told.items() if told.ends >= horizon}
        self._age = offset // _OFFSETS
        self._newest = max(self._newest, time)

    def _open(self, finding: Found, time: int) -> str | None:
        """The key under which an open case knows the finding."""
        for key in finding.keys:
            told = self._told.get(key)
            if told and told.case.opened - window(finding.pattern) <= time <= told.ends:
                return key
        return None

    def _event(self, one: Suspect, keys: Sequence[str | None]) -> str | None:
        known = [self._told[key] for key in keys if key is not None]
        if not known:
            return "opened"
        is_higher = one.score >= max(told.score for told in known) + _NEWS
        is_stronger = ACTIONS.index(one.action) > max(told.action for told in known)
        is_new = any(
            key is None or finding.pattern not in self._told[key].patterns
            for finding, key in zip(one.findings, keys, strict=True)
        )
        return "updated" if is_higher or is_stronger or is_new else None

    def _tell(self, one: Suspect, keys: Sequence[str | None], case: _Case, time: int) -> None:
        """All that the alert names is known from now on, and what was not belongs to its case."""
        joined: set[str] = set()
        for finding, key in zip(one.findings, keys, strict=True):
            own = finding.keys[0] if key is None else key
            if key is None and own not in joined:
                joined.add(own)
                ends = min(time + window(finding.pattern), case.closes)
                self._told[own] = _Told(case, ends, 0, 0, set())
            told = self._told[own]
            told.score = max(told.score, one.score)
            told.action = max(told.action, ACTIONS.index(one.action))
            told.patterns.add(finding.pattern)


def window(pattern: str) -> int:
    """Time without a transaction after which a case of the pattern ends."""
    days = {"bust_out": 3, "merchant_collusion": 7, "synthetic_identity": 7}
    return days.get(pattern, 1) * DAY
