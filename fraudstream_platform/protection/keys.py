"""The keys of this installation, from settings or from a file of wrapped keys."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from fraudstream_platform.protection.bulk_seal import BulkSealer
from fraudstream_platform.protection.key import Key
from fraudstream_platform.protection.key_file import KeyFile, KeyFileError, read_kek
from fraudstream_platform.protection.tokens import Tokeniser
from fraudstream_platform.protection.vault import Sealer
from fraudstream_platform.settings import Settings


class KeyProvider(Protocol):
    """Where keys come from; each method raises UserError where they cannot be had."""

    def token_key(self) -> Key:
        """The key that tokens are made with."""

    def vault_keys(self) -> tuple[Key, ...]:
        """Fernet keys: the first one seals, all of them open."""


class SettingsKeys:
    """CUSTOMER_ID_SALT, VAULT_KEY and VAULT_OLD_KEYS: development, or a store that fills variables."""

    def __init__(self, settings: Settings) -> None:
        self._salt = settings.customer_id_salt
        self._vault = (settings.vault_key, *settings.old_vault_keys())

    def token_key(self) -> Key:
        """The key of CUSTOMER_ID_SALT, version 1."""
        return Key(self._salt.get_secret_value().encode(), 1)

    def vault_keys(self) -> tuple[Key, ...]:
        """VAULT_KEY, then the keys that it replaced, newest first."""
        count = len(self._vault)
        return tuple(
            Key(secret.get_secret_value().encode(), count - place)
            for place, secret in enumerate(self._vault)
        )


class FileKeys:
    """KEY_FILE, whose keys are wrapped under KEY_ENCRYPTION_KEY or KEY_ENCRYPTION_KEY_FILE."""

    def __init__(self, file: KeyFile) -> None:
        self.file = file

    def token_key(self) -> Key:
        """The newest token key."""
        return self.file.keys("token")[0]

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
    if settings.key_encryption_key_file:
        kek = read_kek(Path(settings.key_encryption_key_file))
    else:
        kek = Key(settings.key_encryption_key.get_secret_value().encode(), 1)
    return KeyFile(Path(settings.key_file), kek)


def sealer_of(settings: Settings) -> Sealer:
    """Seals under the newest vault key, opens under all; raises SealError, KeyFileError."""
    provider = keys_of(settings)
    secrets = [key.secret() for key in provider.vault_keys()]
    return Sealer(*secrets, key_version=provider.token_key().version)


def bulk_sealer_of(settings: Settings) -> BulkSealer:
    """Seals batches under the newest vault key; raises KeyFileError."""
    return BulkSealer(keys_of(settings).vault_keys()[0].secret())


def tokeniser_of(settings: Settings) -> Tokeniser:
    """Makes tokens under the token key, whose version stands in each; raises KeyFileError."""
    key = keys_of(settings).token_key()
    return Tokeniser(key.secret(), key.version)
