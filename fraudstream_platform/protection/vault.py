"""Seals: the original of a token, encrypted with Fernet for the few who may open it."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from fraudstream_platform.protection.tokens import version_of

_BASE64URL = re.compile(r"(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{2}==|[A-Za-z0-9_-]{3}=)?")
_quoted = json.encoder.encode_basestring_ascii
"""A text as a JSON string; an edge seals thousands a second, and `dumps` costs ten times this."""


class SealError(ValueError):
    """A seal that cannot be opened: another key, or altered bytes."""


class Original(NamedTuple):
    """What a seal holds: the kind of identity and its normalised value."""

    kind: str
    value: str

    def __repr__(self) -> str:
        return f"Original(kind={self.kind!r})"


class Identity(NamedTuple):
    """A token with the original that it stands for, on its way to the vault."""

    token: str
    kind: str
    value: str

    def __repr__(self) -> str:
        return f"Identity({self.token!r})"


def vault_record(token: str, kind: str, sealed: str) -> bytes:
    """Value of one record of the sealed topic, whose key is the token."""
    key_version = version_of(token)
    # Tokens, kinds and Fernet texts hold nothing that JSON would escape.
    return (
        f'{{"token":"{token}","kind":"{kind}","key_version":{key_version},"sealed":"{sealed}"}}'
    ).encode()


def original_bytes(kind: str, value: str) -> bytes:
    """What a seal encrypts: the normalised original as JSON."""
    return f'{{"kind":"{kind}","value":{_quoted(value)}}}'.encode()


def _strictly(sealed: str) -> str:
    """The text itself; raises InvalidToken where it is more than base64url.

    The specification calls such texts invalid; Python's decoder passes over what is strange in them.
    """
    if not _BASE64URL.fullmatch(sealed):
        raise InvalidToken
    return sealed


class Sealer:
    """Encrypts originals and dead letters under a Fernet key; opens under its predecessors too."""

    def __init__(self, fernet_key: str | bytes, *older: str | bytes) -> None:
        try:
            self._newest = Fernet(fernet_key)
            self._all = MultiFernet([self._newest, *(Fernet(key) for key in older)])
        except ValueError:
            raise SealError("a vault key is not a Fernet key (32 bytes, base64url)") from None

    def __repr__(self) -> str:
        return "Sealer()"

    def seal(self, token: str, kind: str, value: str) -> bytes:
        """The sealed topic's value for `token`; `value` is the normalised original."""
        sealed = self.seal_bytes(original_bytes(kind, value))
        return vault_record(token, kind, sealed)

    def seal_bytes(self, payload: bytes) -> str:
        """Fernet text of any bytes, such as a dead letter's payload."""
        return self._newest.encrypt(payload).decode("ascii")

    def open_bytes(self, sealed: str) -> bytes:
        """The bytes behind `seal_bytes`, however old (a seal does not expire); raises `SealError`."""
        try:
            return self._all.decrypt(_strictly(sealed))
        except InvalidToken:
            raise SealError("the seal cannot be opened with this key") from None

    def is_newest(self, sealed: str) -> bool:
        """Whether the newest key made this seal: its signature is checked, nothing is opened."""
        try:
            self._newest.extract_timestamp(_strictly(sealed))
        except InvalidToken:
            return False
        return True

    def resealed(self, sealed: str) -> str:
        """The same payload and time of sealing under the newest key; raises `SealError`."""
        try:
            return self._all.rotate(_strictly(sealed)).decode("ascii")
        except InvalidToken:
            raise SealError("the seal cannot be opened with this key") from None

    def open(self, sealed: str) -> Original:
        """The original behind the `sealed` text of a vault record; raises `SealError`."""
        plain = json.loads(self.open_bytes(sealed))
        return Original(plain["kind"], plain["value"])
