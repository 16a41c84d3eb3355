"""Text columns as bytes: kernels see the values of the frame, and judge them as polars would."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream_platform.contracts import codes
from fraudstream_platform.contracts.texts import Texts
from fraudstream_platform.contracts.validation import TEXT_COLUMNS, judge, rule_expressions
from fraudstream_platform.detection.sample import bronze, sample_row
from fraudstream_platform.protection.text_guard import hides_identity, unsafe_rows

LETTERS = st.text("09 AZaz_-@[`{/:.é\0\n\x1f", max_size=8)
VALUES = st.none() | st.text(max_size=20) | LETTERS
FRAMES = st.lists(st.fixed_dictionaries({"a": VALUES, "b": VALUES, "c": VALUES}), max_size=6)
NAMES = ("a", "b", "c")
SCHEMA = dict.fromkeys(NAMES, pl.String())


@settings(deadline=None)
@given(FRAMES, st.integers(0, 3), st.booleans())
def test_values_are_those_of_the_frame(
    rows: list[dict[str, str | None]], start: int, in_chunks: bool
) -> None:
    """A slice, a null's place, or a second chunk can hold another row's bytes."""
    frame = pl.DataFrame(rows, schema=SCHEMA)
    if in_chunks:
        frame = pl.concat([frame, frame], rechunk=False)
    frame = frame[start:]
    texts = Texts.of(frame, NAMES)
    assert texts.rows == frame.height
    for place, name in enumerate(NAMES):
        values = frame[name].to_list()
        assert [texts.value(place, row) for row in range(texts.rows)] == [v or "" for v in values]
        assert texts.present[place].tolist() == [value is not None for value in values]
    same = (frame["a"] == frame.select(pl.coalesce("b", "c")).to_series()).fill_null(False)
    assert texts.equals_first("a", ("b", "c")).tolist() == same.to_list()


TOKEN = "ca1_OUGXG4aaaabbbbcccc67Q9"  # nosec B105
WORDS = st.sampled_from(
    [*codes.COUNTRIES[:3], *codes.CURRENCIES[:3], *codes.CHANNELS, "5411", "3999", "12345678"]
)
MANGLED = st.builds(
    lambda value, at, length, put: value[:at] + put + value[at + length :],
    WORDS | st.sampled_from([TOKEN, "cu17_" + 22 * "x", "m-1:2.3", 64 * "z", 65 * "z"]),
    st.integers(0, 26),
    st.integers(0, 3),
    LETTERS,
)
ROWS = st.lists(
    st.dictionaries(st.sampled_from(TEXT_COLUMNS), st.none() | MANGLED | WORDS, max_size=6),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_every_rule_says_of_bytes_what_its_expression_says(
    changes: list[dict[str, str | None]],
) -> None:
    """Bytes are read by code of our own; the expressions are what the contract means."""
    frame = bronze([sample_row(0, **change) for change in changes])
    expected = frame.select(rule.fill_null(True).alias(n) for n, rule in rule_expressions().items())
    failed = judge(frame).failed
    for row, kept in enumerate(expected.iter_rows(named=True)):
        assert failed.get(row, []) == [name for name, is_kept in kept.items() if not is_kept]


HIDDEN = st.builds(
    lambda before, digits, gap, after: before + gap.join(digits) + after,
    LETTERS,
    st.lists(st.text("0123456789", min_size=1, max_size=8), min_size=1, max_size=6)
    | st.just(["4111", "1111", "1111", "1111"]),
    st.sampled_from(["", " ", "-", "  "]),
    LETTERS,
)
CONTACT = st.sampled_from(["ana@example.org", "a+b@x.io", "+4420794600", "+442079460018 x", "@a.b"])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(HIDDEN | LETTERS | st.none(), CONTACT | LETTERS), max_size=5))
def test_the_pass_over_bytes_holds_back_all_that_a_slow_look_finds(
    rows: list[tuple[str | None, str]],
) -> None:
    """A card number that the quick pass misses is stored readable."""
    frame = pl.DataFrame(rows, schema={"a": pl.String(), "b": pl.String()}, orient="row")
    slow = [any(hides_identity(text or "") for text in row) for row in rows]
    assert unsafe_rows(Texts.of(frame), ("a", "b")).to_list() == slow
