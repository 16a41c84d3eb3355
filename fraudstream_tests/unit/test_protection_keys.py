"""Keys: wrapped on disk, hidden in memory, and none that anybody can guess in production."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from fraudstream_platform.protection.key import Key
from fraudstream_platform.protection.key_file import KeyFile, KeyFileError, read_kek
from fraudstream_platform.protection.keys import keys_of, sealer_of, tokeniser_of
from fraudstream_platform.protection.wrapping import FernetWrapper, WrapError
from fraudstream_platform.settings import (
    EXAMPLE_SALT,
    EXAMPLE_VAULT_KEY,
    Settings,
    SettingsError,
    load_settings,
)

pytestmark = pytest.mark.unit


@pytest.fixture
def kek() -> Key:
    return Key(Fernet.generate_key(), 1)


@pytest.fixture
def file(tmp_path: Path, kek: Key) -> KeyFile:
    found = KeyFile(tmp_path / "keys.json", FernetWrapper(kek))
    found.create()
    return found


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """The environment of a production start with good secrets."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("CUSTOMER_ID_SALT", Fernet.generate_key().decode())
    monkeypatch.setenv("VAULT_KEY", Fernet.generate_key().decode())
    return monkeypatch


def test_a_key_shows_in_no_text(kek: Key, file: KeyFile, caplog: pytest.LogCaptureFixture) -> None:
    """Reprs, logs and tracebacks are read by people who may not have the key."""
    secret = kek.secret().decode()
    bad = Key(secret[:20].encode(), 1)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("keys").debug("%s %r %s", kek, [kek], file)
    try:
        FernetWrapper(bad)
    except WrapError:
        told = traceback.format_exc()
    assert secret not in caplog.text and secret not in f"{kek!r}{vars(file)}"
    assert secret[:20] not in told
    assert secret not in kek.id
    for copier in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            copier(kek)


def test_a_key_file_holds_nothing_readable(tmp_path: Path, file: KeyFile) -> None:
    """A file that is in the backup, in the image, in the ticket."""
    text = (tmp_path / "keys.json").read_text()
    for kind in ("token", "vault"):
        assert file.keys(kind)[0].secret().decode() not in text
    assert (tmp_path / "keys.json").stat().st_mode & 0o077 == 0


def test_another_wrapping_key_opens_nothing(tmp_path: Path, file: KeyFile) -> None:
    """The file alone must not be enough."""
    other = KeyFile(tmp_path / "keys.json", FernetWrapper(Key(Fernet.generate_key(), 1)))
    with pytest.raises(KeyFileError, match="cannot be unwrapped"):
        other.keys("vault")


def test_a_wrapped_key_is_good_for_its_kind_and_version_alone(
    tmp_path: Path, file: KeyFile
) -> None:
    """Swapping two entries would make tokens with a key that seals, or bring an old key back."""
    path = tmp_path / "keys.json"
    file.add("vault")
    content = json.loads(path.read_text())
    newest, oldest = content["keys"][2], content["keys"][1]
    newest["wrapped"] = oldest["wrapped"]
    path.write_text(json.dumps(content))
    with pytest.raises(KeyFileError, match="vault key 2"):
        file.keys("vault")


def test_a_new_key_seals_and_the_old_ones_open(tmp_path: Path, kek: Key, file: KeyFile) -> None:
    """Retired keys never encrypt; what they sealed is not lost."""
    settings = Settings(
        _env_file=None,
        key_file=str(tmp_path / "keys.json"),
        key_encryption_key=SecretStr(kek.secret().decode()),
    )
    sealed = sealer_of(settings).seal_bytes(b"payload")
    file.add("vault")
    assert sealer_of(settings).open_bytes(sealed) == b"payload"
    assert not sealer_of(settings).is_newest(sealed)
    assert sealer_of(settings).is_newest(sealer_of(settings).resealed(sealed))
    assert tokeniser_of(settings).token("customer", "c1").startswith("cu1_")


def test_two_rotations_never_write_one_file(tmp_path: Path, kek: Key, file: KeyFile) -> None:
    """The key of the slower one would be overwritten, with all that it sealed."""
    rival = KeyFile(tmp_path / "keys.json", FernetWrapper(kek))
    with file.lock(), pytest.raises(KeyFileError, match="another rotation"), rival.lock():
        pass


def test_a_file_in_use_is_never_made_anew(file: KeyFile) -> None:
    """`keys create` twice would lose every original."""
    with pytest.raises(KeyFileError, match="exists"):
        file.create()


def test_a_wrapping_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """A wrapped key beside a readable wrapping key is a readable key."""
    path = tmp_path / "kek"
    path.write_bytes(Fernet.generate_key())
    path.chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        read_kek(path)


def test_settings_give_old_keys_after_the_new_one() -> None:
    """The key that seals has to be VAULT_KEY, whatever else is set."""
    new, old, oldest = (Fernet.generate_key().decode() for _ in range(3))
    settings = Settings(
        _env_file=None,
        vault_key=SecretStr(new),
        vault_old_keys=SecretStr(f"{old}, {oldest}"),
    )
    keys = keys_of(settings).vault_keys()
    assert [key.secret().decode() for key in keys] == [new, old, oldest]
    assert [key.version for key in keys] == [3, 2, 1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CUSTOMER_ID_SALT", EXAMPLE_SALT),
        ("CUSTOMER_ID_SALT", "short"),
        ("CUSTOMER_ID_SALT", "changeme" * 4),
        ("VAULT_KEY", EXAMPLE_VAULT_KEY),
        ("VAULT_KEY", "too-short-to-be-a-key"),
        ("VAULT_KEY", "A" * 43 + "="),
        ("VAULT_OLD_KEYS", "no-key"),
        ("AUDIT_LOGGING_ENABLED", "false"),
        ("ALLOW_CLEAR_PII", "true"),
        ("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT"),
    ],
)
def test_a_production_start_refuses_what_can_be_guessed_and_names_it(
    production: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """Requirement 8: a default secret that went live, or one that only looks like a key."""
    load_settings()
    production.setenv("KAFKA_USERNAME", "" if name != "KAFKA_SECURITY_PROTOCOL" else "drain")
    production.setenv("KAFKA_PASSWORD", "a password")
    production.setenv(name, value)
    with pytest.raises(SettingsError, match=name) as caught:
        load_settings()
    assert len(value) < 16 or value not in str(caught.value) or value == "SASL_PLAINTEXT"


def test_clear_identities_in_production_have_to_be_allowed_twice(
    production: pytest.MonkeyPatch,
) -> None:
    """One variable, copied from a development machine, must not open the door."""
    production.setenv("ALLOW_CLEAR_PII", "true")
    production.setenv("ALLOW_CLEAR_PII_IN_PRODUCTION", "true")
    assert load_settings().allow_clear_pii


def test_with_a_key_file_only_the_wrapping_key_is_judged(
    production: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A start that refuses an unused default would teach people to set it to anything."""
    production.delenv("CUSTOMER_ID_SALT")
    production.delenv("VAULT_KEY")
    production.setenv("KEY_FILE", str(tmp_path / "keys.json"))
    with pytest.raises(SettingsError, match="KEY_ENCRYPTION_KEY"):
        load_settings()
    production.setenv("KEY_ENCRYPTION_KEY", EXAMPLE_VAULT_KEY)
    with pytest.raises(SettingsError, match="KEY_ENCRYPTION_KEY is the example"):
        load_settings()
    production.setenv("KEY_ENCRYPTION_KEY", Fernet.generate_key().decode())
    assert load_settings().key_file
