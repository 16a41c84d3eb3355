"""Tokens and seals: one identity, one token; nothing readable in reprs or errors."""

from __future__ import annotations

import hmac
import json
from typing import Any

import pytest

from fraudstream_platform.contracts.schemas import SCHEMA_DIR
from fraudstream_platform.protection.normalise import IdentityError, normalise
from fraudstream_platform.protection.tokens import Tokeniser, is_token
from fraudstream_platform.protection.vault import Original, Sealer, SealError

VECTORS: dict[str, Any] = json.loads((SCHEMA_DIR / "token_vectors.json").read_text())
VAULT_KEY = "dGVzdC12YXVsdC1rZXktdGhpcnR5LXR3by1ieXRlcyE="


@pytest.mark.parametrize("vector", VECTORS["accepted"], ids=lambda v: f"{v['kind']}:{v['value']}")
def test_every_vector_gives_its_token(vector: dict[str, str]) -> None:
    """A changed normalisation would silently break every join with tokens made before."""
    tokeniser = Tokeniser(VECTORS["key"].encode(), VECTORS["key_version"])
    assert normalise(vector["kind"], vector["value"]) == vector["normalised"]
    assert tokeniser.token(vector["kind"], vector["value"]) == vector["token"]
    assert is_token(vector["token"])


@pytest.mark.parametrize("vector", VECTORS["accepted"], ids=lambda v: f"{v['kind']}:{v['value']}")
def test_normalising_twice_changes_nothing(vector: dict[str, str]) -> None:
    """Otherwise a source that normalises by itself would get another token."""
    assert normalise(vector["kind"], vector["normalised"]) == vector["normalised"]


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda v: f"{v['kind']}:{v['value']}")
def test_refusal_names_the_kind_and_never_the_value(vector: dict[str, str]) -> None:
    """Error texts end in logs, which must stay free of identities."""
    with pytest.raises(IdentityError) as caught:
        normalise(vector["kind"], vector["value"])
    assert str(caught.value) == f"not a valid {vector['kind']}"
    assert (caught.value.__cause__ is None and caught.value.__suppress_context__) or (
        caught.value.__context__ is None
    )


def test_mac_is_hmac_sha256_of_rfc_4231() -> None:
    """Test case 2 of RFC 4231: the construction that other languages will use."""
    mac = hmac.digest(b"Jefe", b"what do ya want for nothing?", "sha256")
    assert mac.hex() == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


def test_kinds_and_keys_are_domains_of_their_own() -> None:
    """The same text as name and address, or under two keys, must not join."""
    one, other = Tokeniser(b"a" * 16), Tokeniser(b"b" * 16)
    assert one.token("name", "elm")[4:] != one.token("address", "elm")[4:]
    assert one.token("name", "elm") != other.token("name", "elm")


def test_vector_form_agrees_and_the_cache_stays_bounded() -> None:
    """A cache that grows with the population would eat the task's memory."""
    tokeniser = Tokeniser(b"k" * 16, cache_size=2)
    values = ["c1", None, "c2", "c3", "c1"]
    expected = [None if v is None else tokeniser.token("customer", v) for v in values]
    assert tokeniser.tokens("customer", values) == expected
    assert len(tokeniser._cache) <= 2


def test_reprs_hold_no_key_and_no_value() -> None:
    """Reprs end in tracebacks and logs."""
    assert "kkkk" not in repr(Tokeniser(b"k" * 16))
    assert VAULT_KEY not in repr(Sealer(VAULT_KEY))
    assert "4111" not in repr(Original("card", "4111111111111111"))


def test_short_token_key_is_refused_without_showing_it() -> None:
    """A guessable key would let anyone try all card numbers of a BIN."""
    with pytest.raises(ValueError, match="at least 16 bytes") as caught:
        Tokeniser(b"short")
    assert "short" not in str(caught.value)


@pytest.mark.parametrize("text", ["ca1_" + "x" * 21, "ca1_" + "x" * 22 + "\n", "zz1_" + "x" * 22])
def test_almost_tokens_are_none(text: str) -> None:
    """A clear value that passes as a token would be stored readable."""
    assert not is_token(text)


def test_seal_opens_with_its_key_only() -> None:
    """A vault that cannot be opened, or opens for anyone, is no vault."""
    record = json.loads(Sealer(VAULT_KEY).seal("ca1_x", "card", "4111111111111111"))
    assert record["token"] == "ca1_x" and record["key_version"] == 1
    assert "4111" not in json.dumps(record)
    assert Sealer(VAULT_KEY).open(record["sealed"]) == Original("card", "4111111111111111")
    with pytest.raises(SealError):
        Sealer("b3RoZXItdmF1bHQta2V5LXRoaXJ0eS10d28tYnl0ZXM=").open(record["sealed"])
