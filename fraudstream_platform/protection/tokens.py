"""Tokens: keyed hashes that join like the identity they stand for and cannot be read back.

token = prefix + key version + "_" + base64url(HMAC-SHA256(key, kind + 0x00 + normalised)[:16])
"""

from __future__ import annotations

import binascii
import hmac
import re
import string
from collections.abc import Sequence

from fraudstream_platform.protection.normalise import normalise

PREFIXES: dict[str, str] = {
    "customer": "cu",
    "card": "ca",
    "email": "em",
    "phone": "ph",
    "address": "ad",
    "name": "na",
    "device": "de",
    "ip": "ip",
    "ipnet": "in",
}
"""Kind of identity -> the token's first two letters."""

BODY_CHARACTERS = frozenset(string.ascii_letters + string.digits + "_-")
BODY_LENGTH = 22
_BODY = rf"[0-9]+_[A-Za-z0-9_-]{{{BODY_LENGTH}}}"
TOKEN_PATTERN = rf"^({'|'.join(PREFIXES.values())}){_BODY}$"
_TOKEN = re.compile(TOKEN_PATTERN)
DIGIT_RUN = "[0-9]{13}"
"""No token has that many digits in a row (but 3 of 10^10): it is a card number dressed as one."""
_DIGIT_RUN = re.compile(DIGIT_RUN)
_DIGEST_BYTES = 16
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_MIN_KEY_BYTES = 16


def version_of(token: str) -> int:
    """Version of the key that a token was made with."""
    return int(token[2 : token.index("_")])


def token_pattern(kind: str) -> str:
    """Unanchored regular expression of the tokens of one kind."""
    return PREFIXES[kind] + _BODY


def is_token(text: str) -> bool:
    """Whether `text` has the form of a token of any kind."""
    # fullmatch, since `$` would let a trailing line feed pass.
    return _TOKEN.fullmatch(text) is not None and _DIGIT_RUN.search(text) is None


def keyed_hash(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256 (RFC 2104), cut to its first 16 bytes as RFC 4231's test case 5 does."""
    return hmac.digest(key, message, "sha256")[:_DIGEST_BYTES]


class TokenLinks:
    """Token that the newest key gives an identity -> the token that it has had since an older one.

    `take_made` are those that this process made, for others to learn; 27 bytes of text each way.
    """

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}
        self._made: list[tuple[str, str]] = []

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, new: str) -> str | None:
        """The token that stays, None where the identity had none."""
        return self._kept.get(new)

    def learn(self, new: str, kept: str) -> None:
        """Take over a link that another process made."""
        self._kept[new] = kept

    def make(self, new: str, kept: str) -> None:
        """Link in this process."""
        self._kept[new] = kept
        self._made.append((new, kept))

    def take_made(self) -> list[tuple[str, str]]:
        """Links made since the last call."""
        taken, self._made = self._made, []
        return taken


class Tokeniser:
    """Makes tokens under one key; remembers up to `cache_size` of them.

    Once a key has followed another, `links` says which tokens stay. What nothing links yet is linked
    here: to the token that `previous` makes while the older key is not retired, else to its own.
    """

    def __init__(
        self,
        key: bytes,
        key_version: int = 1,
        cache_size: int = 200_000,
        *,
        links: TokenLinks | None = None,
        previous: Tokeniser | None = None,
    ) -> None:
        if len(key) < _MIN_KEY_BYTES:
            raise ValueError(f"the token key must have at least {_MIN_KEY_BYTES} bytes")
        self._key = bytes(key)
        self.key_version = key_version
        self.links = links if links is not None else TokenLinks()
        self._previous = previous
        self._cache: dict[tuple[str, str], str] = {}
        self._cache_size = cache_size
        self._domains = {
            kind: (kind.encode() + b"\x00", f"{prefix}{key_version}_")
            for kind, prefix in PREFIXES.items()
        }

    def __repr__(self) -> str:
        return f"Tokeniser(key_version={self.key_version})"

    def known(self, kind: str, value: str) -> str | None:
        """Token of a value that was met lately, else None."""
        return self._cache.get((kind, value))

    def token(self, kind: str, value: str) -> str:
        """Token of a value as it was given; raises `IdentityError` where it can't be one."""
        cached = self._cache.get((kind, value))
        if cached is None:
            cached = self.token_normalised(kind, normalise(kind, value))
            if len(self._cache) >= self._cache_size:
                self._cache.clear()
            self._cache[(kind, value)] = cached
        return cached

    def token_normalised(self, kind: str, normalised: str) -> str:
        """Token of a value that is normalised already."""
        made = self._made(kind, normalised)
        if self.key_version == 1:
            return made
        kept = self.links.get(made)
        if kept is None:
            older = self._previous
            # A new person's own token is told too: whoever still holds the older key goes by it.
            kept = made if older is None else older.token_normalised(kind, normalised)
            self.links.make(made, kept)
        return kept

    def linked(self, token: str, kind: str, normalised: str) -> tuple[str, str] | None:
        """The link that keeps `token` for its identity; None where there is one, or no need."""
        made = self._made(kind, normalised)
        return None if made == token or self.links.get(made) == token else (made, token)

    def _made(self, kind: str, normalised: str) -> str:
        domain, prefix = self._domains[kind]
        digest = keyed_hash(self._key, domain + normalised.encode())
        text = binascii.b2a_base64(digest).translate(_URL_SAFE)
        return prefix + text[:22].decode("ascii")

    def tokens(self, kind: str, values: Sequence[str | None]) -> list[str | None]:
        """Tokens of many values; None stays None; raises `IdentityError` for the first bad one."""
        return [None if value is None else self.token(kind, value) for value in values]
