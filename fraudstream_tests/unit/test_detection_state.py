"""The state's pages: what a wrong number, a stale value or a missed boundary would break unseen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from polars.testing import assert_frame_equal

from fraudstream_platform.detection import layout, state
from fraudstream_platform.detection.sample import bronze, sample_row, token
from fraudstream_platform.detection.step import Detector
from fraudstream_tests.unit.test_detection_features import compare

HOUR_S = 3_600
FEW_BYTES = {"card": 720, "customer": 1_280}
"""Most bytes of one of few events."""
MOST_BYTES = 2_048
"""Most bytes of one of every day, eight busy hours in it, eight events in the busiest."""


def row_of(number: int, account: int, offset: int | None = None) -> dict[str, Any]:
    """A row of a customer and card of that number, unlike its neighbours in amount and merchant."""
    return sample_row(
        number,
        offset=number if offset is None else offset,
        transaction_id=f"t-{offset}-{number}",
        customer=token("cu", account),
        card=token("ca", account),
        billing_amount_minor=100 + 37 * number % 900,
        merchant_id=f"m-{number % 5}",
    )


def crowd(accounts: int, loyal: int) -> list[dict[str, Any]]:
    """Many accounts of one event each, and `loyal` ones whose history grows in between."""
    return [row_of(i, i % loyal if i % 3 else 1_000 + i) for i in range(accounts)]


def stepped(rows: list[dict[str, Any]], sizes: Iterable[int]) -> tuple[pl.DataFrame, Detector]:
    """Features of `rows`, taken in steps of these sizes, and the detector that made them."""
    detector, start, frames = Detector(quality_threshold=0.0), 0, []
    for size in sizes:
        frames.append(detector.step(bronze(rows[start : start + size]), "h").features)
        start += size
    frames.append(detector.step(bronze(rows[start:]), "h").features)
    return pl.concat(frames), detector


def tables(detector: Detector) -> dict[str, NDArray[Any]]:
    """The exported arrays of cards, customers and instruments."""
    exported = detector.export_state(0)
    return {name: a for name, a in exported.items() if not name.startswith("seen.")}


def same_tables(left: Detector, right: Detector) -> None:
    """Both states hold the same rows and pages under the same numbers."""
    one, other = tables(left), tables(right)
    assert one.keys() == other.keys()
    for name in one:
        assert np.array_equal(one[name], other[name]), name


@pytest.mark.parametrize("gap_s", [1, 90, 700, 1_700, HOUR_S, 25 * HOUR_S])
def test_interleaved_histories_agree_with_the_oracle(gap_s: int) -> None:
    """Pages of several accounts alternate; events 4 to 5, 32 to 33, tiles 24 to 25 cross edges."""
    rows = [row_of(gap_s * i, (1, 2, 2, 3)[i % 4], offset=i) for i in range(150)]
    assert compare(rows) == 150


def test_the_window_reaches_the_oldest_event_of_a_full_ring() -> None:
    """The 33rd event still sees the first, and overwrites it in the very same row."""
    rows = [row_of(i, 1) for i in range(34)]
    features, _ = stepped(rows, [])
    assert features["card_n_1h"].to_list() == [min(i, 32) for i in range(34)]
    rows[32]["event_time"] = rows[0]["event_time"]
    assert stepped(rows, [])[0]["card_n_1h"][32] == 1
    assert compare(rows) == 34


@pytest.mark.parametrize("sizes", [[1] * 40, [7] * 100, [255, 1, 1, 255, 1, 1], [511, 2, 500]])
def test_the_state_does_not_depend_on_the_steps(sizes: list[int]) -> None:
    """Tables and pages grow and fill up within steps: a replay must number them alike."""
    rows = crowd(1_200, loyal=20)
    whole, detector = stepped(rows, [])
    parts, other = stepped(rows, sizes)
    assert_frame_equal(parts, whole, check_exact=True)
    same_tables(detector, other)


def test_growing_tables_lose_nothing() -> None:
    """Row and page tables double at different events, between a row's card and its customer too."""
    assert compare(crowd(600, loyal=20)) == 600


@pytest.mark.parametrize("cut", [1, 255, 256, 257, 600])
def test_a_restored_state_goes_on_alike(cut: int) -> None:
    """Restored tables may be exactly full; pages keep their numbers, new ones follow the last."""
    rows = crowd(1_200, loyal=20)
    whole, untouched = stepped(rows, [])
    features, first = stepped(rows[:cut], [])
    second = Detector(quality_threshold=0.0)
    second.import_state(0, first.export_state(0))
    rest = second.step(bronze(rows[cut:]), "h").features
    assert_frame_equal(pl.concat([features, rest]), whole, check_exact=True)
    same_tables(untouched, second)


def test_the_forgotten_leave_nothing_behind() -> None:
    """After an eviction the state is as if they had never been, and their pages start clean."""
    days = 50 * 86_400
    start = row_of(0, 500)
    silent = [row_of(1 + i, 900 + i % 5) for i in range(200)]
    loyal = [row_of(1 + i, i % 3) for i in range(100)]
    mixed = [row for both in zip(silent[::2], loyal, silent[1::2], strict=True) for row in both]
    mixed = [{**r, "offset": 1 + n, "transaction_id": f"m-{n}"} for n, r in enumerate(mixed)]
    present = [row_of(days + i, i % 3, offset=1_000 + i) for i in range(60)]
    returned = [row_of(days + 100 + i, (0, 900, 7)[i % 3], offset=(1 << 16) + i) for i in range(90)]
    named = {token("ca", 900 + i) for i in range(5)}
    kept = [row for row in mixed if row["card"] not in named]

    features, one = stepped([start, *mixed, *present, *returned], [50, 200])
    expected, other = stepped([start, *kept, *present, *returned], [])
    last = [features.tail(len(returned)), expected.tail(len(returned))]
    assert_frame_equal(*last, check_exact=True)
    same_tables(one, other)


def test_state_of_a_card_is_bounded() -> None:
    """Two kilobytes a busy card are what sizing counts on; no card takes more than three."""
    assert state.bytes_per_card(events=8, hours=8) <= MOST_BYTES
    assert state.bytes_per_card(events=4, hours=1, days=1) <= FEW_BYTES["card"] + 100
    assert state.bytes_per_card() <= 3 * 1_024


@pytest.mark.parametrize(("events", "gap_s"), [(4, 10), (240, 3 * HOUR_S)])
def test_the_bound_holds_for_what_is_really_held(events: int, gap_s: int) -> None:
    """The arrays as a snapshot copies them, not a formula: what one more account adds."""
    held = []
    for accounts in (1, 2):
        rows = [row_of(gap_s * i, a, offset=i) for i in range(events) for a in range(accounts)]
        exported = tables(
            stepped([{**r, "offset": n, "transaction_id": f"{n}"} for n, r in enumerate(rows)], [])[
                1
            ]
        )
        held.append({name: array.nbytes for name, array in exported.items()})
    more = {name: held[1][name] - held[0][name] for name in held[0]}
    map_share = 2 * 12
    card = sum(b for n, b in more.items() if n.startswith(("card.", "instrument."))) + 2 * map_share
    customer = sum(b for n, b in more.items() if n.startswith("customer.")) + map_share
    few = gap_s == 10
    assert 0 < card <= (FEW_BYTES["card"] if few else MOST_BYTES)
    assert 0 < customer <= (FEW_BYTES["customer"] if few else MOST_BYTES)
    assert card <= (state.bytes_per_card(4, 1, 1) if few else state.bytes_per_card(1, 8, 30))


def test_pages_that_are_done_with_are_written_anew() -> None:
    """A year of steady use takes no more than its busiest hour, day and month."""
    _, early = stepped([row_of(2 * HOUR_S * i, 1, offset=i) for i in range(12 * 35)], [])
    _, late = stepped([row_of(2 * HOUR_S * i, 1, offset=i) for i in range(12 * 365)], [])
    for name, array in tables(early).items():
        assert tables(late)[name].shape == array.shape, name
    assert tables(late)["card.events.meta"][0] == 2


def test_another_layout_is_another_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot read at the wrong places would be believed: only its version tells them apart."""
    before = state.state_version.__wrapped__()
    assert before == state.state_version()
    monkeypatch.setattr(layout, "LAYOUT", layout.LAYOUT + 1)
    assert state.state_version.__wrapped__() != before
    monkeypatch.undo()
    monkeypatch.setattr(layout, "CARD_EVENT_CELLS", layout.CARD_EVENT_CELLS + 1)
    assert state.state_version.__wrapped__() != before
