"""A key as it is held in memory: no repr, text or pickle shows it."""

from __future__ import annotations

import hmac
from typing import NoReturn

_ID_BYTES = 6


class Key:
    """Bytes of one key, of one version (from 1)."""

    __slots__ = ("_secret", "version")

    def __init__(self, secret: bytes, version: int) -> None:
        self._secret = secret
        self.version = version

    def secret(self) -> bytes:
        """The key itself, for the primitive that needs it."""
        return self._secret

    @property
    def id(self) -> str:
        """A name that tells keys apart and does not lead back to them (HMAC under the key)."""
        return hmac.digest(self._secret, b"fraudstream key id", "sha256")[:_ID_BYTES].hex()

    def __repr__(self) -> str:
        return f"Key(version={self.version})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not pickled")
