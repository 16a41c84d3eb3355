"""Cases: what opens one, what updates it, and that suppression hides repeats only."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream_platform.detection import cases, state
from fraudstream_platform.detection.advance import EPOCH_BITS
from fraudstream_platform.detection.batch import Reason
from fraudstream_platform.detection.cases import (
    Arrival,
    CaseTable,
    Verdict,
    case_id,
    window_ms,
)
from fraudstream_platform.detection.findings import Finding, Subject
from fraudstream_platform.detection.formulas import DAY_MS
from fraudstream_platform.detection.patterns import PATTERNS
from fraudstream_platform.detection.scoring import ACTIONS
from fraudstream_platform.detection.state import PartitionState

HOUR_MS = 3_600_000
START_MS = 1_767_600_000_000
NAMES = tuple(PATTERNS)[:3]
FAMILIES = dict(zip(NAMES, ("testing", "velocity", "testing"), strict=True))
"""Two patterns of one family among them, which share the rows of a case."""
ENTITIES = ("card:ca1_a", "card:ca1_b", "customer:cu1_x", "merchant:m-1")


def finding(entity: str = ENTITIES[0], pattern: str = NAMES[0], also: str = "") -> Finding:
    """A pattern's evidence on an entity, known too where the case of `also` is open."""
    family = FAMILIES[pattern]
    keys = tuple(f"{family}:{place}" for place in (entity, also) if place)
    reason = Reason("XX01", "1 of 2", 1.0, 2.0, 60, entity.split(":")[0])
    return Finding(pattern, family, 0.9, (reason,), keys)


def subject(*findings: Finding, score: int = 700, action: str = "review") -> Subject:
    """Findings (by default one on a card) and what follows from them."""
    named = findings or (finding(),)
    return Subject(named, score, action, not named[0].keys[0].split(":")[1].startswith("merchant"))


def take(table: CaseTable, number: int, at_ms: int, *subjects: Subject) -> Verdict:
    """Row `number` of the log, `at_ms` after the start in event time."""
    return table.take(subjects or (subject(),), Arrival(f"t-{number}", number, START_MS + at_ms))


def events(times_ms: Sequence[int]) -> list[str | None]:
    """What the same evidence on the same card is at each of these times."""
    table = CaseTable()
    return [take(table, n, at).event for n, at in enumerate(times_ms)]


def test_a_case_is_opened_once_and_its_repeats_are_suppressed() -> None:
    """Thirty alerts for one attack bury the next victim's."""
    table = CaseTable()
    verdicts = [take(table, n, 1_000 * n) for n in range(30)]
    assert [v.event for v in verdicts] == ["opened"] + [None] * 29
    assert {v.case_id for v in verdicts} == {case_id(verdicts[0].key, "t-0")}
    assert uuid.UUID(verdicts[0].case_id).version == 5


def test_the_window_slides_and_ends() -> None:
    """A day of quiet in event time closes a case; to the millisecond, or replays would differ."""
    assert events([0, DAY_MS, 2 * DAY_MS]) == ["opened", None, None]
    assert events([0, DAY_MS + 1]) == ["opened", "opened"]


def test_a_case_that_never_rests_is_opened_anew_after_three_windows() -> None:
    """Else one false alarm would hide an entity for as long as it stays busy."""
    found = events([HOUR_MS * n for n in range(150)])
    assert [n for n, event in enumerate(found) if event] == [0, 73, 146]


def test_late_events_belong_to_the_case_as_far_as_its_window_reaches() -> None:
    """An offline advice of last week is no repeat of today; one of this morning is."""
    assert events([0, -DAY_MS, -HOUR_MS]) == ["opened", None, None]
    assert events([0, -DAY_MS - 1]) == ["opened", "opened"]


def test_a_late_event_does_not_shorten_its_case() -> None:
    """The window slides forward only."""
    assert events([0, HOUR_MS, -HOUR_MS, DAY_MS + HOUR_MS]) == ["opened", None, None, None]


def test_windows_are_as_long_as_the_pattern_takes() -> None:
    """A bust-out goes on for days: daily cases of one run-up would each count as a new one."""
    days = {name: window_ms(name) // DAY_MS for name in ("card_testing", "bust_out")}
    assert days == {"card_testing": 1, "bust_out": 3}
    assert {window_ms(n) for n in ("merchant_collusion", "synthetic_identity")} == {7 * DAY_MS}


@pytest.mark.parametrize(
    ("news", "event"),
    [
        (subject(score=799), None),
        (subject(score=800), "updated"),
        (subject(action="step_up"), None),
        (subject(action="block"), "updated"),
        (subject(finding(), finding(pattern=NAMES[1])), "updated"),
        (subject(finding(pattern=NAMES[2])), "updated"),
        (subject(finding(pattern=NAMES[2]), finding()), "updated"),
        (subject(finding(pattern=NAMES[1])), "opened"),
        (subject(finding(ENTITIES[1])), "opened"),
    ],
)
def test_news_updates_a_case_once(news: Subject, event: str | None) -> None:
    """+100 score, a stronger action, a pattern more: told once, and a repeat from then on."""
    table = CaseTable()
    first = take(table, 0, 0)
    second = take(table, 1, 1, news)
    assert second.event == event
    assert (second.case_id == first.case_id) == (event != "opened")
    assert take(table, 2, 2, news).event is None
    assert take(table, 3, 3).event is None


def test_news_grows_from_the_highest_score_told() -> None:
    """Measured from the newest score, a falling one would make every second row news."""
    table = CaseTable()
    scores = (700, 750, 800, 650, 850, 900)
    found = [take(table, n, n, subject(score=score)).event for n, score in enumerate(scores)]
    assert found == ["opened", None, "updated", None, None, "updated"]


def test_a_weaker_update_does_not_lower_what_was_told() -> None:
    """A new pattern at a lower score is news; the old score again is none."""
    table = CaseTable()
    take(table, 0, 0, subject(score=900, action="block"))
    assert take(table, 1, 1, subject(finding(pattern=NAMES[2]))).event == "updated"
    assert take(table, 2, 2, subject(score=900, action="block")).event is None


def test_two_patterns_of_one_family_open_a_case_together() -> None:
    """Both are told by the alert, so neither is news in the next row."""
    table = CaseTable()
    pair = subject(finding(), finding(pattern=NAMES[2]))
    assert [take(table, n, n, pair).event for n in range(2)] == ["opened", None]


def test_what_an_update_names_is_known_from_then_on() -> None:
    """A second family on the same card joins the case; alone it is no new case afterwards."""
    table = CaseTable()
    both = subject(finding(), finding(pattern=NAMES[1]))
    first = take(table, 0, 0, both)
    alone = take(table, 1, 1, subject(finding(pattern=NAMES[1])))
    assert (alone.event, alone.case_id) == (None, first.case_id)


def test_an_entity_that_joined_lives_no_longer_than_its_case() -> None:
    """Else a chain of patterns would keep one case open for ever."""
    table = CaseTable()
    for hour in range(71):
        take(table, hour, HOUR_MS * hour)
    take(table, 71, HOUR_MS * 71, subject(finding(), finding(pattern=NAMES[1])))
    alone = subject(finding(pattern=NAMES[1]))
    assert take(table, 72, HOUR_MS * 72, alone).event is None
    assert take(table, 73, HOUR_MS * 72 + 1, alone).event == "opened"


def test_an_attack_on_another_card_of_the_customer_is_no_repeat() -> None:
    """The customer's case is open; the evidence on his second card is news all the same."""
    table = CaseTable()
    person = finding(ENTITIES[2], NAMES[1])
    found = [
        take(table, n, n, subject(person, finding(card))).event
        for n, card in enumerate((ENTITIES[0], ENTITIES[0], ENTITIES[1], ENTITIES[1]))
    ]
    assert found == ["opened", None, "updated", None]


def test_evidence_on_the_customer_is_known_where_the_case_of_his_card_is_open() -> None:
    """Whether card or customer counts more can change within an attack; that is no second one."""
    table = CaseTable()
    first = take(table, 0, 0)
    same_card = take(table, 1, 1, subject(finding(ENTITIES[2], also=ENTITIES[0])))
    assert (same_card.event, same_card.case_id, same_card.key) == (None, first.case_id, first.key)
    other_card = take(table, 2, 2, subject(finding(ENTITIES[2], also=ENTITIES[1])))
    assert other_card.event == "opened"


def test_a_merchants_open_case_does_not_hide_a_cardholder() -> None:
    """Everybody is seen at the tested merchant; who is attacked himself is a case of his own."""
    table = CaseTable()
    merchant = subject(finding(ENTITIES[3]), score=950, action="block")
    assert take(table, 0, 0, merchant).event == "opened"
    assert take(table, 1, 1, merchant).event is None
    victim = take(table, 2, 2, merchant, subject(finding(pattern=NAMES[1])))
    assert (victim.event, victim.key.split(":")[1]) == ("opened", "card")
    assert take(table, 3, 3, merchant, subject(finding(pattern=NAMES[1]))).event is None


def test_of_two_cases_to_open_the_cardholders_comes_first_and_the_other_next() -> None:
    """One alert a row: the merchant is seen again at once, the card perhaps never."""
    table = CaseTable()
    row = (subject(finding(ENTITIES[3]), score=950), subject(finding(pattern=NAMES[1])))
    kinds = [(v.event, v.key.split(":")[1]) for v in (take(table, n, n, *row) for n in range(3))]
    assert kinds == [("opened", "card"), ("opened", "merchant"), (None, "card")]


def test_ended_cases_are_forgotten_at_fixed_offsets() -> None:
    """Memory is bounded by a rule that depends on the log alone."""
    table = CaseTable()
    for number in range(200):
        take(table, number, number, subject(finding(f"card:ca1_{number}")))
    take(table, 200, 3 * DAY_MS)
    assert table.dump()["cells"].shape == (201, cases.CELLS)
    take(table, 1 << EPOCH_BITS, 3 * DAY_MS)
    assert table.dump()["cells"].shape == (1, cases.CELLS)
    assert take(table, (1 << EPOCH_BITS) + 1, 3 * DAY_MS).event is None


def test_what_ended_within_a_day_is_kept_for_late_events() -> None:
    """Forgotten at the minute it ended, a case would alert again for every late advice."""
    table, epoch = CaseTable(), 1 << EPOCH_BITS
    take(table, 0, 0)
    take(table, 1, 2 * DAY_MS, subject(finding(ENTITIES[1])))
    assert take(table, epoch, DAY_MS).event is None
    take(table, epoch + 1, 3 * DAY_MS + 1, subject(finding(ENTITIES[1])))
    take(table, epoch + 2, HOUR_MS, subject(finding(ENTITIES[3])))
    assert take(table, 2 * epoch, DAY_MS).event == "opened"


def test_a_dump_is_a_copy() -> None:
    """A snapshot is written on another thread while the step goes on."""
    table = CaseTable()
    take(table, 0, 0)
    before = table.dump()
    take(table, 1, HOUR_MS, subject(score=1000))
    assert before["cells"][0, cases.SCORE] == 700
    assert before["clock"].tolist() == [0, START_MS]


def test_other_patterns_are_another_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """A case remembers patterns by their place: read under another list, it would hide new ones."""
    before = state.state_version.__wrapped__()
    monkeypatch.setattr(state, "PATTERNS", {"another": None})
    assert state.state_version.__wrapped__() != before


def test_a_partitions_state_carries_its_cases() -> None:
    """Forgotten by a snapshot, every open case would alert again after a restart."""
    one, other = PartitionState(), PartitionState()
    first = take(one.cases, 0, 0)
    other.load(one.dump())
    again = take(other.cases, 1, 1)
    assert (again.event, again.case_id) == (None, first.case_id)


@st.composite
def rows(draw: st.DrawFn) -> tuple[int, tuple[Subject, ...]]:
    """How far event time moves (backwards too), and who is found suspicious."""
    gap = draw(st.sampled_from((0, 1, HOUR_MS, -HOUR_MS, DAY_MS, DAY_MS + 1, -3 * DAY_MS)))
    cards = [
        finding(entity, pattern, also=ENTITIES[0] if entity.startswith("customer") else "")
        for entity in draw(st.lists(st.sampled_from(ENTITIES[:3]), max_size=2, unique=True))
        for pattern in draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True))
    ]
    shared = [finding(ENTITIES[3])] if not cards or draw(st.booleans()) else []
    subjects = [
        subject(*f, score=draw(st.integers(600, 1000)), action=draw(st.sampled_from(ACTIONS[1:])))
        for f in (cards, shared)
        if f
    ]
    return gap, tuple(subjects)


streams = st.lists(rows(), max_size=40)
OFFSETS_A_ROW = 30_000
"""Two rows an epoch or three, so that forgetting happens within a stream."""


def replay(table: CaseTable, stream: Sequence[Any], start: int = 0) -> list[Verdict]:
    """Verdicts of the rows from `start` on."""
    times = np.cumsum([0, *(gap for gap, _ in stream)])[1:].tolist()
    return [
        table.take(stream[n][1], Arrival(f"t-{n}", OFFSETS_A_ROW * n, START_MS + times[n]))
        for n in range(start, len(stream))
    ]


@settings(max_examples=60, deadline=None)
@given(streams, st.integers(0, 40))
def test_a_restored_table_goes_on_alike(stream: list[Any], cut: int) -> None:
    """Whatever a table keeps outside its arrays would be lost with every restart."""
    whole = CaseTable()
    verdicts = replay(whole, stream)
    before, after = CaseTable(), CaseTable()
    cut = min(cut, len(stream))
    first = replay(before, stream[:cut])
    after.load(before.dump())
    assert first + replay(after, stream, cut) == verdicts
    for name, array in whole.dump().items():
        assert np.array_equal(array, after.dump()[name]), name


def told_before(news: Subject, stream: Sequence[Any], verdicts: Sequence[Verdict]) -> bool:
    """Whether earlier alerts named all that `news` has: entities, patterns, score, action."""
    told = [v.subject for v in verdicts if v.event is not None]
    keys = {key for f in news.findings for key in f.keys}
    related = [s for s in told if keys & {key for f in s.findings for key in f.keys}]
    pairs = {(key, f.pattern) for s in related for f in s.findings for key in f.keys}
    return (
        all(any((key, f.pattern) in pairs for key in f.keys) for f in news.findings)
        and max(s.score for s in related) + cases.SCORE_NEWS > news.score
        and max(ACTIONS.index(s.action) for s in related) >= ACTIONS.index(news.action)
    )


@settings(max_examples=60, deadline=None)
@given(streams)
def test_suppression_hides_nothing_that_was_not_told(stream: list[Any]) -> None:
    """The one way to lose an attack here: a row suppressed though it says something new."""
    verdicts = replay(CaseTable(), stream)
    for number, verdict in enumerate(verdicts):
        if verdict.event is None:
            for news in stream[number][1]:
                assert told_before(news, stream, verdicts[:number])


@settings(max_examples=60, deadline=None)
@given(streams)
def test_an_attack_on_a_quiet_entity_always_raises(stream: list[Any]) -> None:
    """Quiet: no alert has named it before."""
    verdicts = replay(CaseTable(), stream)
    for number, (_, subjects) in enumerate(stream):
        told = {
            key
            for verdict in verdicts[:number]
            if verdict.event is not None
            for f in verdict.subject.findings
            for key in f.keys
        }
        if any(not told & set(f.keys) for s in subjects for f in s.findings):
            assert verdicts[number].event is not None
