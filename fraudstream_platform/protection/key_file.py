"""A file of wrapped keys: each is wrapped by a key-encryption key that is kept elsewhere.

    {"format": "fraudstream-keys/1", "keys": [{"kind": "vault", "version": 1, "wrapped": "..."}]}

What is wrapped names kind and version too, so that no key can be passed off as another. The newest
version of a kind is the one in use.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.fernet import Fernet

from fraudstream_platform.errors import UserError
from fraudstream_platform.protection.key import Key
from fraudstream_platform.protection.wrapping import WrapError, Wrapper

FORMAT = "fraudstream-keys/1"
KINDS = ("token", "vault")
_OTHERS_MAY = 0o077


class KeyFileError(UserError):
    """A key file or key-encryption key that cannot be used; no message shows a key."""


class KeyFile:
    """The keys of one file, unwrapped when asked for."""

    def __init__(self, path: Path, wrapper: Wrapper) -> None:
        self._path = path
        self._wrapper = wrapper

    def __repr__(self) -> str:
        return f"KeyFile({str(self._path)!r})"

    def create(self) -> None:
        """Write a new file with one generated key of each kind; raises where it exists."""
        if self._path.exists():
            raise KeyFileError(f"{self._path} exists: its keys may be in use")
        self._write([self._wrapped(kind, 1) for kind in KINDS])

    def add(self, kind: str) -> Key:
        """Add a generated key of the next version, on disk before it is returned."""
        version = self.keys(kind)[0].version + 1
        self._write([*self._entries(), self._wrapped(kind, version)])
        return self.keys(kind)[0]

    def retire(self, kind: str) -> tuple[Key, ...]:
        """Drop all keys of a kind but the newest, for ever; gives those that went."""
        newest, *older = self.keys(kind)
        if older:
            self._write([one for one in self._entries() if _stays(one, newest, kind)])
        return tuple(older)

    def keys(self, kind: str) -> tuple[Key, ...]:
        """All keys of a kind, the newest first; raises KeyFileError."""
        found = [self._unwrapped(entry) for entry in self._entries() if entry.get("kind") == kind]
        if not found:
            raise KeyFileError(f"{self._path} holds no {kind} key")
        return tuple(sorted(found, key=lambda key: -key.version))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other rotations of this file away; raises KeyFileError where one runs."""
        with self._path.with_suffix(".lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise KeyFileError(f"another rotation of {self._path} runs") from None
            yield

    def _entries(self) -> list[dict[str, object]]:
        try:
            content = json.loads(self._path.read_text())
        except OSError as error:
            raise KeyFileError(f"{self._path}: {error.strerror}") from None
        except ValueError:
            content = None
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise KeyFileError(f"{self._path} is no {FORMAT} file")
        entries: list[dict[str, object]] = content["keys"]
        return entries

    def _wrapped(self, kind: str, version: int) -> dict[str, object]:
        secret = Fernet.generate_key() if kind == "vault" else secrets.token_urlsafe(32).encode()
        wrapped = self._wrapper.wrap(f"{kind}:{version}", secret)
        return {"kind": kind, "version": version, "wrapped": wrapped}

    def _unwrapped(self, entry: dict[str, object]) -> Key:
        kind, version, wrapped = entry.get("kind"), entry.get("version"), entry.get("wrapped")
        try:
            secret = self._wrapper.unwrap(f"{kind}:{version}", str(wrapped))
        except WrapError as error:
            raise KeyFileError(f"{self._path}: {kind} key {version}: {error}") from None
        if not isinstance(version, int):
            raise KeyFileError(f"{self._path}: a {kind} key has no version")
        return Key(secret, version)

    def _write(self, entries: list[dict[str, object]]) -> None:
        partial = self._path.with_suffix(".partial")
        text = json.dumps({"format": FORMAT, "keys": entries}, indent=2) + "\n"
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as sink:
            sink.write(text)
            sink.flush()
            os.fsync(sink.fileno())
        partial.replace(self._path)


def _stays(entry: dict[str, object], newest: Key, kind: str) -> bool:
    return entry.get("kind") != kind or entry.get("version") == newest.version


def read_kek(path: Path) -> Key:
    """The key-encryption key in a file of its own; refused where others may read the file."""
    try:
        if path.stat().st_mode & _OTHERS_MAY:
            raise KeyFileError(f"{path} can be read by others: chmod 600")
        return Key(path.read_bytes().strip(), 1)
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from None
