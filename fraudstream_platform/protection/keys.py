"""The keys of this installation, from settings or from a file of wrapped keys."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from fraudstream_platform.protection.bulk_seal import BulkSealer
from fraudstream_platform.protection.key import Key
from fraudstream_platform.protection.key_file import KeyFile, KeyFileError, read_kek
from fraudstream_platform.protection.tokens import Tokeniser, TokenLinks
from fraudstream_platform.protection.vault import Sealer
from fraudstream_platform.protection.wrapping import FernetWrapper, KmsWrapper, Wrapper
from fraudstream_platform.settings import Settings


class KeyProvider(Protocol):
    """Where keys come from; each method raises UserError where they cannot be had."""

    def token_keys(self) -> tuple[Key, ...]:
        """The newest key first, then the one before it until it is retired."""

    def vault_keys(self) -> tuple[Key, ...]:
        """Fernet keys: the first one seals, all of them open."""


class SettingsKeys:
    """CUSTOMER_ID_SALT, VAULT_KEY and VAULT_OLD_KEYS: development, or a store that fills variables."""

    def __init__(self, settings: Settings) -> None:
        self._salt = settings.customer_id_salt
        self._vault = (settings.vault_key, *settings.old_vault_keys())

    def token_keys(self) -> tuple[Key, ...]:
        """The key of CUSTOMER_ID_SALT, version 1."""
        return (Key(self._salt.get_secret_value().encode(), 1),)

    def vault_keys(self) -> tuple[Key, ...]:
        """VAULT_KEY, then the keys that it replaced, newest first."""
        count = len(self._vault)
        return tuple(
            Key(secret.get_secret_value().encode(), count - place)
            for place, secret in enumerate(self._vault)
        )


class FileKeys:
    """KEY_FILE, whose keys are wrapped by KEY_ENCRYPTION_KEY, a file that holds it, or a KMS."""

    def __init__(self, file: KeyFile) -> None:
        self.file = file

    def token_keys(self) -> tuple[Key, ...]:
        """All token keys that are not retired, the newest first."""
        return self.file.keys("token")

    def vault_keys(self) -> tuple[Key, ...]:
        """All vault keys, the newest first."""
        return self.file.keys("vault")


def keys_of(settings: Settings) -> KeyProvider:
    """The provider that the settings ask for; raises KeyFileError."""
    if not settings.key_file:
        return SettingsKeys(settings)
    return FileKeys(key_file(settings))


def key_file(settings: Settings) -> KeyFile:
    """The key file of the settings, there or not; raises KeyFileError without a key to wrap with."""
    if not settings.key_file:
        raise KeyFileError("KEY_FILE is not set")
    return KeyFile(Path(settings.key_file), _wrapper(settings))


def _wrapper(settings: Settings) -> Wrapper:
    if settings.key_encryption_kms_key:
        return KmsWrapper(settings.key_encryption_kms_key)
    if settings.key_encryption_key_file:
        return FernetWrapper(read_kek(Path(settings.key_encryption_key_file)))
    return FernetWrapper(Key(settings.key_encryption_key.get_secret_value().encode(), 1))


def sealer_of(settings: Settings) -> Sealer:
    """Seals under the newest vault key, opens under all; raises SealError, KeyFileError."""
    return Sealer(*(key.secret() for key in keys_of(settings).vault_keys()))


def bulk_sealer_of(settings: Settings) -> BulkSealer:
    """Seals batches under the newest vault key; raises KeyFileError."""
    return BulkSealer(keys_of(settings).vault_keys()[0].secret())


def tokeniser_of(settings: Settings, links: TokenLinks | None = None) -> Tokeniser:
    """Makes tokens under the token key, whose version stands in each; raises KeyFileError.

    Without `links` it knows of no older key's tokens: right for version 1 alone.
    """
    known = links if links is not None else TokenLinks()
    previous = None
    for key in reversed(keys_of(settings).token_keys()):
        previous = Tokeniser(key.secret(), key.version, links=known, previous=previous)
    if previous is None:
        raise KeyFileError("there is no token key")
    return previous
