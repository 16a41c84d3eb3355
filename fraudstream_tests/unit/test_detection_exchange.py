"""The exchange: counts across partitions that no cut, order of reading or restart changes."""

from __future__ import annotations

import math
from datetime import timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from polars.testing import assert_frame_equal

from fraudstream_platform.detection import exchange, exchange_rows
from fraudstream_platform.detection.catalogue import FEATURES
from fraudstream_platform.detection.exchange_log import TouchLog
from fraudstream_platform.detection.exchange_touches import NO_TOUCHES, Touches, joined
from fraudstream_platform.detection.sample import START, bronze, sample_row, token
from fraudstream_platform.detection.step import Detector
from fraudstream_tests.oracle.exchange import ENTITIES, Exchange, append_ms

PROPERTY = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
COLUMNS = [feature for feature in FEATURES if feature.entity in ENTITIES]
NAMES = [feature.name for feature in COLUMNS]

GAPS_MS = (0, 1, 300, 799, 800, 1_000, 9_000, 60_000, 599_000, 660_000, 3_600_000, 90_000_000)
ANSWERS = (("approved", "00"), ("declined_data", "14"), ("declined_issuer", "05"))


@st.composite
def choices(draw: st.DrawFn) -> dict[str, Any]:
    """What varies in one row."""
    return {
        "gap": draw(st.sampled_from(GAPS_MS)),
        "late": draw(st.sampled_from((0, 0, 0, 5_000, 59_000, 61_000, 700_000))),
        "card": draw(st.integers(1, 4)),
        "amount": draw(st.sampled_from((0, 100, 300, 2_500))),
        "answer": draw(st.sampled_from(ANSWERS)),
        "message": draw(st.sampled_from(("AUTH", "AUTH", "VERIFY", "REFUND"))),
        "initiator": draw(st.sampled_from(("CIT", "CIT", "CIT", "MIT"))),
        "merchant": draw(st.integers(0, 1)),
        "bin8": draw(st.sampled_from(("40000000", "50000000", None))),
        "device": draw(st.sampled_from((None, token("de", 1), token("de", 2)))),
        "ip_net": draw(st.sampled_from((None, token("in", 1)))),
        "present": draw(st.sampled_from((False, False, True))),
        "partition": draw(st.integers(0, 2)),
    }


def rows_of(chosen: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Bronze rows in the order in which they were appended."""
    now, rows = START, list[dict[str, Any]]()
    for number, c in enumerate(chosen):
        now += timedelta(milliseconds=c["gap"])
        rows.append(
            attempt(
                number, now, partition=c["partition"], card=token("ca", c["card"]),
                event_time=now - timedelta(milliseconds=c["late"]), message_type=c["message"],
                billing_amount_minor=c["amount"], outcome=c["answer"][0],
                response_code=c["answer"][1], initiator=c["initiator"],
                merchant_id=f"m-{c['merchant']}", bin8=c["bin8"], device=c["device"],
                ip_net=c["ip_net"], entry_mode="chip" if c["present"] and c["initiator"] == "CIT" else "ecom",
            )
        )  # fmt: skip
    return rows


def attempt(number: int, now: Any, /, **changes: Any) -> dict[str, Any]:
    """A refused remote attempt of a small amount, appended at `now`."""
    return sample_row(
        number,
        **{
            "append_time": now, "event_time": now, "sent_at": now, "customer": None,
            "entry_mode": "ecom", "channel": "ECOM", "source": "ONLINE", "latitude": None,
            "longitude": None, "billing_amount_minor": 100, "outcome": "declined_data",
            "response_code": "14", "device": token("de", 1), "ip_net": token("in", 1), **changes,
        },
    )  # fmt: skip


streams = st.one_of(
    st.lists(choices(), max_size=6), st.lists(choices(), min_size=30, max_size=60)
).map(rows_of)


def compare(rows: list[dict[str, Any]]) -> int:
    """Compare the exchange's columns of a detector that hears itself; returns rows compared."""
    found = Detector(quality_threshold=0.0, loops_back=True).step(bronze(rows), "h").features
    oracle = Exchange(delay=exchange.LOOP_MS)
    for row in rows:
        oracle.tell(row)
    for row, got in zip(rows, found.select(NAMES).iter_rows(named=True), strict=True):
        expected = oracle.features(row)
        for name in NAMES:
            want, told = expected[name], f"{name} at {row['offset']}: {got[name]}"
            if want is None or got[name] is None:
                assert got[name] == want, f"{told} for {want}"
            else:
                assert math.isclose(got[name], want, rel_tol=1e-12), f"{told} for {want}"
    return found.height


@PROPERTY
@given(streams)
def test_counts_agree_with_the_oracle(rows: list[dict[str, Any]]) -> None:
    """A wrong window edge or a chain that breaks off would only weaken a pattern, unseen."""
    assert compare(rows) == len(rows)


@pytest.mark.parametrize("gap_ms", [5, 400, 4_600, 61_000])
def test_long_chains_agree_with_the_oracle(gap_ms: int) -> None:
    """More touches than a count looks at, than a minute tells, and than the log begins with."""
    rows = [
        attempt(
            i, START + timedelta(milliseconds=gap_ms * i), card=token("ca", i % 140),
            merchant_id=f"m-{i % 2}", device=token("de", i % 3),
        )
        for i in range(400)
    ]  # fmt: skip
    assert compare(rows) == 400


@PROPERTY
@given(streams, st.lists(st.integers(0, 60), max_size=6))
def test_any_cut_into_steps_gives_the_same_counts(
    rows: list[dict[str, Any]], cuts: list[int]
) -> None:
    """An evaluation that steps a day at once must find what the stream finds."""
    frame = bronze(rows)
    whole = Detector(quality_threshold=0.0, loops_back=True).step(frame, "h")
    bounds = sorted({0, frame.height, *(min(cut, frame.height) for cut in cuts)})
    detector = Detector(quality_threshold=0.0, loops_back=True)
    parts = [detector.step(frame[:0], "h")]
    for start, stop in pairwise(bounds):
        parts.append(detector.step(frame[start:stop], "h"))
    assert_frame_equal(pl.concat([part.features for part in parts]), whole.features)
    assert_same(joined([part.touches for part in parts]), whole.touches)


def assert_same(one: Touches, other: Touches) -> None:
    for name, column in vars(one).items():
        np.testing.assert_array_equal(column, getattr(other, name), err_msg=name)


def told(rows: list[dict[str, Any]]) -> tuple[Touches, NDArray[np.int64]]:
    """The touches of all rows in append order, and when the topic got each."""
    touches = Detector(quality_threshold=0.0).step(bronze(rows), "h").touches
    appended = {(row["partition"], row["offset"]): append_ms(row) for row in rows}
    places = zip(touches.partition.tolist(), touches.offset.tolist(), strict=True)
    return touches, np.array([appended[place] + 50 for place in places], np.int64)


@PROPERTY
@given(streams, st.integers(0, 60), st.integers(0, 60))
def test_a_record_sees_the_same_however_far_the_topic_was_read(
    rows: list[dict[str, Any]], ahead: int, behind: int
) -> None:
    """An owner reads on while a standby or a rebuild lags: their rows must not differ in a bit."""
    frame = bronze(rows)
    touches, appended = told(rows)
    all_read = Detector(quality_threshold=0.0)
    all_read.exchange.accept(touches, appended)
    whole = all_read.step(frame, "h").features

    just_in_time = Detector(quality_threshold=0.0)
    read, parts = 0, []
    for place in range(frame.height):
        needed = append_ms(rows[place]) - exchange.VISIBLE_AFTER_MS
        until = int(np.searchsorted(appended, needed, side="right"))
        until = max(until, min(ahead, len(touches)), read)
        chosen = np.arange(read, until)
        just_in_time.exchange.accept(touches.where(chosen), appended[chosen])
        read = until
        parts.append(just_in_time.step(frame[place : place + 1], "h").features)
    if parts:
        assert_frame_equal(pl.concat(parts), whole)

    # Partition by partition, as a rebuild does it.
    other = Detector(quality_threshold=0.0)
    other.exchange.accept(touches, appended)
    cut = min(behind, frame.height)
    late = [other.step(part, "h").features for part in (frame[cut:], frame[:cut])]
    assert_frame_equal(
        pl.concat(late[::-1]).select(NAMES), whole.select(NAMES), check_row_order=True
    )


@PROPERTY
@given(streams, st.integers(0, 60), st.integers(0, 60))
def test_repeats_after_a_take_over_change_nothing(
    rows: list[dict[str, Any]], first: int, again: int
) -> None:
    """A successor tells once more what it cannot know to be told: counted twice, shares shift."""
    frame = bronze(rows)
    touches, appended = told(rows)
    once, twice = Detector(quality_threshold=0.0), Detector(quality_threshold=0.0)
    once.exchange.accept(touches, appended)
    end = min(first, len(touches))
    twice.exchange.accept(touches.where(np.arange(end)), appended[:end])
    start = min(again, end)
    # What comes again comes later; what is new comes at its time.
    repeat = np.maximum(appended[start:], appended[end - 1] if end else 0)
    twice.exchange.accept(touches.where(np.arange(start, len(touches))), repeat)
    assert_frame_equal(once.step(frame, "h").features, twice.step(frame, "h").features)
    assert not twice.exchange.untold(touches).any()


@PROPERTY
@given(streams, st.integers(0, 60))
def test_a_restored_exchange_goes_on_alike(rows: list[dict[str, Any]], cut: int) -> None:
    """A task begins from a snapshot: a chain that was not tied again would hide an attack."""
    frame = bronze(rows)
    touches, appended = told(rows)
    end = min(cut, len(touches))
    one, other = Detector(quality_threshold=0.0), Detector(quality_threshold=0.0)
    one.exchange.accept(touches.where(np.arange(end)), appended[:end])
    one.exchange.position = 7
    other.exchange.load(one.exchange.dump())
    assert other.exchange.position == 7
    for detector in (one, other):
        detector.exchange.accept(touches.where(np.arange(end, len(touches))), appended[end:])
    # Rows from the snapshot on: what only older rows could see need not be kept.
    rest = frame.filter(pl.col("append_time").dt.epoch("ms") >= (appended[end - 1] if end else 0))
    left, right = one.step(rest, "h").features, other.step(rest, "h").features
    assert_frame_equal(left.select(NAMES), right.select(NAMES))


def test_a_log_that_wraps_keeps_what_can_be_counted() -> None:
    """Rows are overwritten once no record can see them; the log grows where one still can."""
    detector = Detector(quality_threshold=0.0, loops_back=True)
    minutes = [START + timedelta(minutes=30 * i) for i in range(6)]
    rows = [
        attempt(
            700 * burst + i, start + timedelta(milliseconds=20 * i), card=token("ca", i),
            merchant_id=f"m-{i % 20}", device=None, ip_net=None,
        )
        for burst, start in enumerate(minutes)
        for i in range(700)
    ]  # fmt: skip
    found = detector.step(bronze(rows), "h").features
    assert detector.exchange.dump()["shops.rows"].shape[0] <= 700
    assert (
        found["merchant_cards_10m"].to_list()[:700] == found["merchant_cards_10m"].to_list()[-700:]
    )


def test_an_attack_on_many_cards_is_counted_within_two_seconds() -> None:
    """Each card comes up once, in whichever partition: only the exchange sees that it is one act."""
    rows = [
        attempt(
            i, START + timedelta(milliseconds=500 * i), card=token("ca", i), partition=i % 3,
            bin8="40000000", device=token("de", i % 2),
        )
        for i in range(12)
    ]  # fmt: skip
    found = Detector(quality_threshold=0.0, loops_back=True).step(bronze(rows), "h").features
    assert found["merchant_cards_10m"].to_list() == [0, 0, 0, *range(1, 10)]
    assert found["device_cards_10m"][-1] == 4
    assert found["device_declined_cards_24h"][-1] == 4
    assert found["ipnet_cards_24h"][-1] == 9
    assert found["merchant_decline_share_10m"].to_list()[:4] == [None, None, None, 1.0]
    assert found["bin_merchant_invalid_share_10m"][-1] == 1.0


def test_only_probes_ask() -> None:
    """A purchase at an attacked shop must not be given the attacker's counts."""
    rows = [attempt(i, START + timedelta(seconds=i), card=token("ca", i)) for i in range(20)]
    later = START + timedelta(seconds=30)
    buy = {"billing_amount_minor": 5_000, "outcome": "approved", "response_code": "00"}
    rows.append(attempt(30, later, card=token("ca", 77), **buy))
    found = Detector(quality_threshold=0.0, loops_back=True).step(bronze(rows), "h").features
    assert found["merchant_cards_10m"].to_list()[-2:] == [18, 0]
    assert found["merchant_decline_share_10m"][-1] is None


def test_an_empty_exchange_has_no_rows() -> None:
    """What is dumped before anything was told must load again."""
    fresh = exchange.Exchange()
    fresh.load(fresh.dump())
    fresh.accept(NO_TOUCHES, np.zeros(0, np.int64))
    assert fresh.dump()["devices.rows"].shape == (0, exchange_rows.CELLS)


def test_beyond_what_a_log_holds_counts_end_at_the_same_touch() -> None:
    """A task that has read on must not count less of a busy stream than one that just keeps up."""
    many = exchange_rows.MAX_ROWS + 50_000
    chance = np.random.default_rng(5)
    keys = chance.integers(1, 60_000, (2, many), np.uint32)
    touches = Touches(
        np.zeros(many, np.int32), np.arange(many), np.full(many, 10**12),
        chance.integers(1, 2**32, many, np.uint32), np.ones(many, np.uint8), keys,
    )  # fmt: skip
    appended = 10**12 + np.arange(many) // 4
    specs = np.array([[0, 0, 0, 0], [1, 3, 1, 0]])
    asked = many - 200_000
    found = []
    for read in (asked, many):
        log = TouchLog(exchange_rows.SHORT_MS)
        first = touches.where(np.arange(read))
        log.append(first, first.keys, appended[:read])
        integers, reals = np.zeros((2, 2), np.int64, order="F"), np.zeros((2, 1), order="F")
        asking, bounds = np.array([0, 1]), np.full(2, appended[asked - 1])
        log.look_up(asking, bounds, np.full(2, 10**12), keys[:, :2].copy(), specs, integers, reals)
        found.append(integers)
    assert np.array_equal(found[0], found[1])
    countable = keys[:, asked - exchange_rows.COUNTABLE : asked]
    assert found[0][0, 1] == min((countable[1] == keys[1, 0]).sum(), 128)


def test_a_ring_that_has_wrapped_is_dumped_whole_and_in_order() -> None:
    """A snapshot is copied in two pieces where the newest row stands before the oldest."""
    log, minute = TouchLog(exchange_rows.SHORT_MS), 60_000
    many = 3 * exchange_rows.START_ROWS
    touches = Touches(
        np.zeros(many, np.int32), np.arange(many), np.arange(many), np.ones(many, np.uint32),
        np.ones(many, np.uint8), np.ones((2, many), np.uint32),
    )  # fmt: skip
    log.append(touches, touches.keys, np.arange(many) * minute)
    rows = log.dump()["rows"]
    assert rows[:, 0].tolist() == [minute * (many - 1 - back) for back in range(16, -1, -1)]
    other = TouchLog(exchange_rows.SHORT_MS)
    other.load(log.dump())
    assert np.array_equal(other.dump()["rows"][:, :4], rows[:, :4])
