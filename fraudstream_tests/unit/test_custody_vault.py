"""Revealing and forgetting originals, and the rotation of the key that seals them."""

from __future__ import annotations

import grp
import os
from pathlib import Path

import polars as pl
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from fraudstream_platform.custody import rotate
from fraudstream_platform.custody.reveal import Request, reveal
from fraudstream_platform.custody.rotate import retire_vault, rotate_vault
from fraudstream_platform.drain.seals import KnownTokens, read_vault_records
from fraudstream_platform.errors import UserError
from fraudstream_platform.lake import vault
from fraudstream_platform.lake.audit_log import AuditFailedError, AuditLog
from fraudstream_platform.lake.commit import Batch, TableAppender
from fraudstream_platform.lake.files import write_file
from fraudstream_platform.lake.rewrite import rewrite_file
from fraudstream_platform.lake.tables import TABLES, VAULT, create_tables, scan, table_uri
from fraudstream_platform.protection.keys import key_file, sealer_of, tokeniser_of
from fraudstream_platform.protection.masks import mask
from fraudstream_platform.protection.vault import Sealer
from fraudstream_platform.settings import Settings

pytestmark = pytest.mark.unit

PEOPLE = 6
DEAD = "bronze.dead_letter"


def address(number: int) -> str:
    return f"person{number}@mail{number}.example"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A vault of two files of e-mail addresses, and a dead letter."""
    found = Settings(
        _env_file=None,
        data_dir=tmp_path / "data",
        vault_key=SecretStr(Fernet.generate_key().decode()),
    )
    create_tables(found)
    for first in range(0, PEOPLE, 3):
        add(found, range(first, first + 3), first)
    payload = sealer_of(found).seal_bytes(b"payload")
    letters = pl.concat(
        [TABLES[DEAD].to_frame(), pl.DataFrame({"sealed_payload": [payload]})], how="diagonal"
    )
    file = write_file(found, DEAD, "2026-01-01T00", letters)
    TableAppender(found, DEAD, "test").commit([Batch({0: 0}, {0: 1}, [file], origin=True)])
    return found


def add(settings: Settings, numbers: range, start: int) -> None:
    sealer, tokeniser = sealer_of(settings), tokeniser_of(settings)
    tokens = [tokeniser.token("email", address(number)) for number in numbers]
    records = [
        sealer.seal(token, "email", address(number))
        for token, number in zip(tokens, numbers, strict=True)
    ]
    rows = pl.concat([TABLES[VAULT].to_frame(), read_vault_records(records)], how="diagonal")
    file = write_file(settings, VAULT, "email", rows)
    batch = Batch({0: start}, {0: start + len(numbers)}, [file], origin=start == 0)
    TableAppender(settings, VAULT, "test").commit([batch])


def token_of(settings: Settings, number: int) -> str:
    return tokeniser_of(settings).token("email", address(number))


def ask(settings: Settings, number: int, *, clear: bool = False) -> str:
    return reveal(settings, Request(token_of(settings, number), "chargeback 12", clear))


def trail(settings: Settings) -> list[tuple[str, ...]]:
    return AuditLog(settings).frame().select("what", "outcome", "detail").rows()


def own_group() -> str:
    return grp.getgrgid(os.getgid()).gr_name


def card(length: int) -> str:
    """Digits of no issuer, made here: masks ask for no check digit."""
    return "9" * 6 + "0" * (length - 10) + "1234"


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("card", card(16), "999999******1234"),
        ("card", card(15), "999999*****1234"),
        ("card", card(14), "**********1234"),
        ("email", address(1), "p***@mail1.example"),
        ("email", "jo@mail.example", "***@mail.example"),
        ("phone", "+4900000000017", "+***17"),
        ("name", "maria keller", "m***"),
        ("ip", "192.0.2.7", "192.0.0.0/16"),
        ("ipnet", "2001:db8:1::/48", "2001:db8::/32"),
    ],
)
def test_a_mask_shows_what_the_standard_allows(kind: str, value: str, shown: str) -> None:
    """PCI DSS 4.0.1, 3.4.1: BIN and last four at most, and of short numbers less."""
    assert mask(kind, value) == shown


def test_an_original_is_masked_by_default_and_recorded(settings: Settings) -> None:
    """A look that leaves no trace, or shows more than was asked for."""
    assert ask(settings, 1) == "p***@mail1.example"
    assert trail(settings) == [("vault.reveal", "allowed", "masked: chargeback 12")]


def test_only_the_role_sees_clear_originals_and_refusals_are_recorded(settings: Settings) -> None:
    """A setting that is left empty must not mean everybody."""
    with pytest.raises(UserError, match="VAULT_CLEAR_GROUP"):
        ask(settings, 1, clear=True)
    stranger = settings.model_copy(update={"vault_clear_group": "no-such-group"})
    with pytest.raises(UserError, match="VAULT_CLEAR_GROUP"):
        ask(stranger, 1, clear=True)
    member = settings.model_copy(update={"vault_clear_group": own_group()})
    assert ask(member, 1, clear=True) == address(1)
    assert [outcome for _, outcome, _ in trail(settings)] == ["refused", "refused", "allowed"]


def test_reveals_are_limited_by_person_and_hour(settings: Settings) -> None:
    """A vault emptied one polite request at a time."""
    limited = settings.model_copy(update={"vault_reveals_per_hour": 2})
    for number in range(2):
        ask(limited, number)
    with pytest.raises(UserError, match="VAULT_REVEALS_PER_HOUR"):
        ask(limited, 2)
    assert trail(settings)[-1][1] == "refused"


def test_nothing_is_shown_that_cannot_be_recorded(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """The audit table gone, by accident or not."""
    Path(table_uri(settings, "audit.events")).rename(settings.data_dir / "elsewhere")
    with pytest.raises(AuditFailedError):
        ask(settings, 1)
    off = settings.model_copy(update={"audit_logging_enabled": False})
    with pytest.raises(UserError, match="not audited is not done"):
        ask(off, 1)
    assert capsys.readouterr().out == ""


def test_what_is_no_token_is_not_repeated(settings: Settings) -> None:
    """Somebody pastes the card number itself: it must stand neither in the error nor in the trail."""
    with pytest.raises(UserError) as caught:
        reveal(settings, Request(card(16), "why", clear=False))
    assert card(16) not in str(caught.value)
    assert trail(settings) == []


def test_a_forgotten_entry_leaves_no_byte_and_no_way_back(settings: Settings) -> None:
    """A seal that survives in a replaced file, or that the next sending brings back."""
    token = token_of(settings, 1)
    sealed = vault.sealed_of(settings, token)
    assert sealed
    assert vault.forget(settings, token)
    assert not vault.forget(settings, token), "repeating it is safe"
    for path in Path(table_uri(settings, VAULT)).rglob("*"):
        if path.suffix == ".parquet":
            assert sealed not in pl.read_parquet(path)["sealed"].to_list()
        elif path.is_file():
            assert sealed[60:100].encode() not in path.read_bytes()
    with pytest.raises(UserError, match="was forgotten"):
        ask(settings, 1)
    again = read_vault_records([sealer_of(settings).seal(token, "email", address(1))])
    assert KnownTokens(settings).only_new(again).is_empty()
    assert ask(settings, 2) == "p***@mail2.example"
    assert scan(settings, VAULT).select("token").collect()["token"].n_unique() == PEOPLE
    add(settings, range(PEOPLE, PEOPLE + 3), PEOPLE)  # what the follower had recorded stays


def rotated(settings: Settings) -> Settings:
    """Settings with a new key, and the one before among the old."""
    new, old = Fernet.generate_key().decode(), settings.vault_key
    return settings.model_copy(update={"vault_key": SecretStr(new), "vault_old_keys": old})


def no_note(table: str, count: int) -> None: ...


def test_a_rotation_reseals_everything_and_the_old_key_opens_nothing(settings: Settings) -> None:
    """A key that was retired and still opens what is kept."""
    vault.forget(settings, token_of(settings, 0))
    after = rotated(settings)
    assert ask(after, 1) == "p***@mail1.example", "old seals open while they are renewed"
    assert rotate_vault(after, new_key=False, note=no_note) == {VAULT: PEOPLE - 1, DEAD: 1}
    only_new = after.model_copy(update={"vault_old_keys": SecretStr("")})
    assert ask(only_new, 1) == "p***@mail1.example"
    letter = scan(after, DEAD).select("sealed_payload").collect().item()
    assert sealer_of(only_new).open_bytes(letter) == b"payload"
    old = Sealer(settings.vault_key.get_secret_value())
    seals = [
        seal
        for path in Path(table_uri(settings, VAULT)).rglob("*.parquet")
        for seal in pl.read_parquet(path)["sealed"]
    ]
    assert len(seals) == PEOPLE and not any(old.is_newest(seal) for seal in seals)
    assert rotate_vault(only_new, new_key=False, note=no_note) == {VAULT: 0, DEAD: 0}


def test_a_rotation_goes_on_where_it_was_ended(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rotation that begins anew each time never ends on a large vault."""
    after = rotated(settings)
    calls = 0

    def killed_at_the_second(*args: object) -> bool:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise KeyboardInterrupt
        return rewrite_file(*args)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(vault, "rewrite_file", killed_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            rotate_vault(after, new_key=False, note=no_note)
    assert all(ask(after, number) for number in range(PEOPLE))
    assert rotate_vault(after, new_key=False, note=no_note) == {VAULT: PEOPLE // 2, DEAD: 1}
    ends = [outcome for what, outcome, _ in trail(settings) if what == "keys.rotate"]
    assert ends == ["begun", "failed", "begun", "done"]


def test_a_seal_that_no_key_opens_ends_the_rotation_untouched(settings: Settings) -> None:
    """A missing key must not cost the original that it sealed."""
    lost = settings.model_copy(update={"vault_key": SecretStr(Fernet.generate_key().decode())})
    with pytest.raises(UserError, match="VAULT_OLD_KEYS"):
        rotate_vault(lost, new_key=False, note=no_note)
    assert ask(settings, 1) == "p***@mail1.example"


@pytest.fixture
def filed(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A vault of three addresses whose keys are in a key file; no broker has more seals."""
    kek = tmp_path / "kek"
    kek.write_bytes(Fernet.generate_key())
    kek.chmod(0o600)
    found = settings.model_copy(
        update={
            "data_dir": tmp_path / "filed",
            "key_file": str(tmp_path / "keys.json"),
            "key_encryption_key_file": str(kek),
        }
    )
    key_file(found).create()
    create_tables(found)
    add(found, range(3), 0)
    monkeypatch.setattr(rotate, "catch_up_vault", lambda _: None)
    return found


def test_a_key_file_is_rotated_by_one_command(settings: Settings, filed: Settings) -> None:
    """A new key that is not on disk before something is sealed under it would be lost with it."""
    assert rotate_vault(filed, new_key=True, note=no_note) == {VAULT: 3, DEAD: 0}
    assert [key.version for key in key_file(filed).keys("vault")] == [2, 1]
    assert ask(filed, 1) == "p***@mail1.example"
    with pytest.raises(UserError, match="KEY_FILE"):
        rotate_vault(settings, new_key=True, note=no_note)


def test_a_retired_vault_key_is_gone_and_nothing_needs_it(filed: Settings) -> None:
    """A key that stays in the file opens every backup; one that went too early shuts the vault."""
    key_file(filed).add("vault")
    assert retire_vault(filed, no_note) == {VAULT: 3, DEAD: 0}
    assert [key.version for key in key_file(filed).keys("vault")] == [2]
    assert ask(filed, 1) == "p***@mail1.example"


def test_a_vault_key_that_something_still_seals_with_is_not_dropped(filed: Settings) -> None:
    """A task of the window before goes on with its key: its seals would never open again."""
    old = filed.model_copy(update={"key_file": f"{filed.key_file}.old"})
    Path(old.key_file).write_bytes(Path(filed.key_file).read_bytes())
    key_file(filed).add("vault")

    def sealed_meanwhile(table: str, count: int) -> None:
        add(old, range(3, 6), 3)

    with pytest.raises(UserError, match="still seals"):
        retire_vault(filed, sealed_meanwhile)
    assert [key.version for key in key_file(filed).keys("vault")] == [2, 1]
    assert ask(filed, 4) == "p***@mail4.example"
