"""Rotation of the vault key: everything sealed is sealed anew under the newest key."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

from fraudstream_platform.custody.reveal import require_audit
from fraudstream_platform.custody.rotating import catch_up_vault, drop_older, rotating
from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.audited import audited
from fraudstream_platform.lake.vault import SEALED, has_older_seals, reseal
from fraudstream_platform.protection.keys import FileKeys, keys_of, sealer_of
from fraudstream_platform.protection.vault import SealError
from fraudstream_platform.settings import Settings

Note = Callable[[str, int], None]


def rotate_vault(settings: Settings, *, new_key: bool, note: Note) -> dict[str, int]:
    """Seal anew what is not under the newest key; seals renewed, by table.

    `new_key` first adds one to KEY_FILE. `note` is told tables and seals renewed so far. Whatever
    ends it, a repeat goes on from there. Raises UserError where a seal opens under no key.
    """
    require_audit(settings)
    provider = keys_of(settings)
    is_file = isinstance(provider, FileKeys)
    if new_key and not is_file:
        raise UserError(
            "there is no KEY_FILE to add a key to: set VAULT_KEY to a new key, put the one before "
            "into VAULT_OLD_KEYS, and rotate without --new"
        )
    with (
        provider.file.lock() if isinstance(provider, FileKeys) else nullcontext(),
        audited(settings, "keys.rotate", "vault") as ending,
    ):
        if new_key and isinstance(provider, FileKeys):
            provider.file.add("vault")
        renewed = _reseal(settings, note)
        ending.detail = f"key {provider.vault_keys()[0].id}; {_told(renewed)}"
        return renewed


def retire_vault(settings: Settings, note: Note) -> dict[str, int]:
    """Seal anew what is left, sent or stored, and drop every vault key but the newest, for ever.

    Whoever still seals with an older key makes seals that nobody opens again. Raises UserError.
    """
    with rotating(settings, "vault") as (file, ending):
        catch_up_vault(settings)
        renewed = _reseal(settings, note)
        if has_older_seals(settings, sealer_of(settings)):
            raise UserError(
                "something still seals with an older key: restart sources and services, wait until "
                "a second window has begun, and try again"
            )
        drop_older(file, "vault", ending, _told(renewed))
        return renewed


def _reseal(settings: Settings, note: Note) -> dict[str, int]:
    renewed = dict.fromkeys(SEALED, 0)
    sealer = sealer_of(settings)
    try:
        for table in SEALED:
            for count in reseal(settings, table, sealer):
                renewed[table] += count
                note(table, renewed[table])
    except SealError as error:
        raise UserError(f"{error}; is a key missing from VAULT_OLD_KEYS?") from None
    return renewed


def _told(renewed: dict[str, int]) -> str:
    counts = ", ".join(f"{table} {count}" for table, count in renewed.items())
    return f"seals renewed: {counts}"
