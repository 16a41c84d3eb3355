"""Seals: the original of a token, encrypted with Fernet for the few who may open it."""

from __future__ import annotations

import json
from typing import NamedTuple

from cryptography.fernet import Fernet, InvalidToken

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


def vault_record(token: str, kind: str, key_version: int, sealed: str) -> bytes:
    """Value of one record of the sealed topic, whose key is the token."""
    # Tokens, kinds and Fernet texts hold nothing that JSON would escape.
    return (
        f'{{"token":"{token}","kind":"{kind}","key_version":{key_version},"sealed":"{sealed}"}}'
    ).encode()


def original_bytes(kind: str, value: str) -> bytes:
    """What a seal encrypts: the normalised original as JSON."""
    return f'{{"kind":"{kind}","value":{_quoted(value)}}}'.encode()


class Sealer:
    """Encrypts originals and dead letters under one Fernet key."""

    def __init__(self, fernet_key: str | bytes, key_version: int = 1) -> None:
        try:
            self._fernet = Fernet(fernet_key)
        except ValueError:
            raise SealError("the vault key is not a Fernet key (32 bytes, base64url)") from None
        self.key_version = key_version

    def __repr__(self) -> str:
        return f"Sealer(key_version={self.key_version})"

    def seal(self, token: str, kind: str, value: str) -> bytes:
        """The sealed topic's value for `token`; `value` is the normalised original."""
        sealed = self.seal_bytes(original_bytes(kind, value))
        return vault_record(token, kind, self.key_version, sealed)

    def seal_bytes(self, payload: bytes) -> str:
        """Fernet text of any bytes, such as a dead letter's payload."""
        return self._fernet.encrypt(payload).decode("ascii")

    def open_bytes(self, sealed: str) -> bytes:
        """The bytes behind `seal_bytes`; raises `SealError`."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            raise SealError("the seal cannot be opened with this key") from None

    def open(self, sealed: str) -> Original:
        """The original behind the `sealed` text of a vault record; raises `SealError`."""
        plain = json.loads(self.open_bytes(sealed))
        return Original(plain["kind"], plain["value"])
