"""Frames: no clear identity leaves, in its own column or hidden in a text column."""

from __future__ import annotations

import json
import uuid
from itertools import cycle, islice
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream_platform.contracts.schemas import IDENTITY_KINDS
from fraudstream_platform.contracts.texts import Texts
from fraudstream_platform.protection.identity import (
    Protected,
    SealedTokens,
    clear_rows,
    protect_frame,
)
from fraudstream_platform.protection.text_guard import (
    FREE_TEXT_COLUMNS,
    unsafe_rows,
)
from fraudstream_platform.protection.token_screen import mark_clear
from fraudstream_platform.protection.tokens import PREFIXES, Tokeniser, is_token
from fraudstream_platform.protection.vault import Sealer

TOKENISER = Tokeniser(b"k" * 16)
SEALER = Sealer("dGVzdC12YXVsdC1rZXktdGhpcnR5LXR3by1ieXRlcyE=")
CLEAR = {
    "customer": "c1", "card": "4111111111111111", "device_pan": "5500005555555559",
    "email": "ana@example.org", "phone": "+442079460018", "address": "1 Elm Road",
    "name": "Ana Lima", "device": "d-1", "ip": "203.0.113.9", "ip_net": "203.0.113.0/24",
}  # fmt: skip


def tokens() -> dict[str, str | None]:
    return {name: TOKENISER.token(kind, CLEAR[name]) for name, kind in IDENTITY_KINDS.items()}


def frame(*rows: dict[str, str | None]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=dict.fromkeys(IDENTITY_KINDS, pl.String()))


def protected_of(given: pl.DataFrame, *arguments: Any, **options: Any) -> Protected:
    return protect_frame(given, clear_rows(Texts.of(given)), TOKENISER, *arguments, **options)


def guarded(given: pl.DataFrame) -> pl.Series:
    return unsafe_rows(Texts.of(given), given.columns)


def test_frame_of_tokens_and_nulls_passes_untouched() -> None:
    """The default form must cost nothing and seal nothing."""
    given = frame(tokens(), dict.fromkeys(IDENTITY_KINDS))
    protected = protected_of(given, allow_clear=False)
    assert protected.frame.equals(given)
    assert protected.seals == [] and not protected.refused.any()


@pytest.mark.parametrize("name", IDENTITY_KINDS)
def test_clear_value_in_any_column_is_refused_and_blanked(name: str) -> None:
    """One forgotten column would store readable identities."""
    protected = protected_of(frame(tokens(), {**tokens(), name: CLEAR[name]}), allow_clear=False)
    assert protected.refused.to_list() == [False, True]
    assert CLEAR[name] not in str(protected.frame.rows())


SOUND = list(filter(None, tokens().values()))
LETTERS = st.text("09 AZaz_-@[`{/:é\0\x1f", max_size=30)
DRESSED = st.sampled_from(["ca1_OUGXG4000001234567899Q", f"ca4000001234567899_{'A' * 22}"])
MANGLED = st.builds(
    lambda token, at, length, put: token[:at] + put + token[at + length :],
    st.sampled_from(SOUND),
    st.integers(0, 26),
    st.integers(0, 14),
    st.one_of(LETTERS, st.text("0123456789", min_size=10, max_size=14)),
)
VALUES = st.one_of(
    st.none(), st.sampled_from(["", *SOUND]), DRESSED, MANGLED, st.lists(MANGLED).map("\x1f".join)
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.fixed_dictionaries(dict.fromkeys(IDENTITY_KINDS, VALUES)), max_size=4), st.data()
)
def test_clear_rows_are_those_a_look_at_each_value_finds(
    rows: list[dict[str, str | None]], data: st.DataObject
) -> None:
    """The quick yes to a whole batch must not let through what a slow look would refuse."""
    strange = data.draw(st.sets(st.sampled_from(list(IDENTITY_KINDS)), max_size=2))
    rows = [{**tokens(), **{name: row[name] for name in strange}} for row in rows]
    expected = [
        any(
            value and not (value.startswith(PREFIXES[IDENTITY_KINDS[name]]) and is_token(value))
            for name, value in row.items()
        )
        for row in rows
    ]
    assert clear_rows(Texts.of(frame(*rows))).to_list() == expected


def test_one_wrong_letter_anywhere_is_seen() -> None:
    """Each place of a token has letters of its own; one that nobody looks at could hold anything."""
    token = tokens()["customer"]
    assert token is not None
    changed = [
        token[:at] + chr(code) + token[at + 1 :] for at in range(len(token)) for code in range(128)
    ]
    changed += [f"cu1_{'a' * at}{'7' * 13}{'a' * (9 - at)}" for at in range(10)]
    changed += [f"cu1_{'a' * at}{'7' * 12}{'a' * (10 - at)}" for at in range(11)]
    sound = [value.startswith("cu") and is_token(value) for value in changed]
    texts = Texts.of(pl.DataFrame({"customer": changed}))
    assert mark_clear(texts, {"customer": "customer"}).tolist() == [not one for one in sound]


@pytest.mark.parametrize("allow_clear", [False, True])
def test_token_of_another_kind_is_refused(allow_clear: bool) -> None:
    """An e-mail's token in the card column would join with nothing, for ever."""
    swapped = {**tokens(), "card": tokens()["email"]}
    protected = protected_of(frame(swapped), allow_clear, SEALER)
    assert protected.refused.to_list() == [True]


@pytest.mark.parametrize(
    "dressed", ["ca1_OUGXG4000001234567899Q", f"ca4000001234567899_{'A' * 22}"]
)
@pytest.mark.parametrize("allow_clear", [False, True])
def test_a_card_number_dressed_as_a_token_is_refused(dressed: str, allow_clear: bool) -> None:
    """The form of a token is no proof of one: found by mutated records, stored in the clear before."""
    given = frame(tokens(), {**tokens(), "card": dressed})
    protected = protected_of(given, allow_clear, SEALER)
    assert protected.refused.to_list() == [False, True]
    assert "4000001234567899" not in str(protected.frame.rows())


def test_clear_values_become_the_tokens_of_the_edge_with_one_seal_each() -> None:
    """Clear and tokenised sources must join; every new token needs its original in the vault."""
    known = SealedTokens()
    given = frame(dict(CLEAR), tokens(), dict(CLEAR))
    protected = protected_of(given, True, SEALER, known)
    assert not protected.refused.any()
    assert protected.frame.equals(frame(tokens(), tokens(), tokens()))
    assert sorted(token for token, _ in protected.seals) == sorted(filter(None, tokens().values()))
    for token, value in protected.seals:
        assert TOKENISER.token_normalised(*SEALER.open(json.loads(value)["sealed"])) == token
    assert protected_of(given, True, SEALER, known).seals == []


def test_value_that_cannot_be_normalised_refuses_its_row_alone() -> None:
    """One mistyped card must neither stop the batch nor be stored as it is."""
    protected = protected_of(
        frame({**tokens(), "card": "4111111111111112"}, dict(CLEAR)), True, SEALER
    )
    assert protected.refused.to_list() == [True, False]
    assert "4111111111111112" not in str(protected.frame.rows())


def test_sealed_tokens_forget_rather_than_grow() -> None:
    """Bounded memory; sealing twice is allowed, growing for ever is not."""
    known = SealedTokens(limit=2)
    assert [known.is_new(token) for token in ("a", "a", "b", "c", "a")] == [
        True, False, True, True, True,
    ]  # fmt: skip


HIDDEN = [
    "4111111111111111", "card 4111 1111 1111 1111 ok", "4111-1111-1111-1111",
    "ref 12 378282246310005", "x5500005555555559y", "ana@example.org", "call +442079460018",
]  # fmt: skip
HARMLESS = [
    "12345678-1234-1234-1234-123456789012", "4111111111111112", "1763940000000",
    "300123456789012345678901234567", "M-000012345678", "41111111", "2025-11-23T23:59:59",
    str(uuid.UUID(int=0x41111111111111111111111111111111)),
]  # fmt: skip


@pytest.mark.parametrize("text", HIDDEN)
def test_guard_finds_what_hides_in_a_text_column(text: str) -> None:
    """A card number in a merchant field would be stored readable."""
    given = pl.DataFrame({"merchant_id": ["m1", text, None], "mcc": ["5411", "5411", "5411"]})
    assert guarded(given).to_list() == [False, True, False]


@pytest.mark.parametrize("text", HARMLESS)
def test_guard_lets_ids_pass(text: str) -> None:
    """Random ids must not cost dead letters."""
    given = pl.DataFrame({"merchant_id": ["m1", text]})
    assert guarded(given).to_list() == [False, False]


def test_guard_reads_neighbouring_columns_apart() -> None:
    """Eight digits at the end of one column and eight in the next are no card number."""
    given = pl.DataFrame({"bin8": ["41111111"], "merchant_id": ["11111111"]})
    assert not guarded(given).any()


def test_guard_passes_random_uuids() -> None:
    """One false dead letter in thousands would still be a lost transaction."""
    given = pl.DataFrame({"transaction_id": [str(uuid.uuid4()) for _ in range(20_000)]})
    assert not guarded(given).any()


def test_guard_covers_every_text_column_that_is_no_identity() -> None:
    """A new text field must be guarded from its first day."""
    assert {"transaction_id", "merchant_id", "original_id", "bin8"} <= set(FREE_TEXT_COLUMNS)
    assert not set(FREE_TEXT_COLUMNS) & set(IDENTITY_KINDS)


CARD_LIKE = "4111111111111111"


@pytest.mark.parametrize("bits", [128, 160, 256])
def test_card_number_by_chance_in_a_hexadecimal_id_is_no_card(bits: int) -> None:
    """One in a thousand random ids holds such a run: genuine transactions would be refused."""
    rest = "".join(islice(cycle("0b9e"), bits // 4 - len(CARD_LIKE)))
    ids = [CARD_LIKE + rest, rest.upper() + CARD_LIKE]
    assert not guarded(pl.DataFrame({"transaction_id": ids, "city": ["Lyon", None]})).any()


@pytest.mark.parametrize(
    "text",
    [
        f"{CARD_LIKE}abcdefabcdefabc",
        f"{CARD_LIKE}-" + "abc" * 5,
        f"paid {CARD_LIKE} with abcdefabc",
        CARD_LIKE + "abcdABCDabcdABCD",
    ],
)
def test_card_number_beside_other_text_is_found(text: str) -> None:
    """Only a whole value of an id's length and letters is an id."""
    assert guarded(pl.DataFrame({"transaction_id": [text]})).all()
