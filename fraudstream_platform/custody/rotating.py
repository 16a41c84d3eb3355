"""What rotations in KEY_FILE share: the file held, the audit trail told, the vault brought up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fraudstream_platform.custody.reveal import require_audit
from fraudstream_platform.drain.follower import vault_follower
from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.audited import Ending, audited
from fraudstream_platform.protection.key_file import KeyFile
from fraudstream_platform.protection.keys import FileKeys, keys_of
from fraudstream_platform.settings import Settings

_VAULT_WAIT_S = 120.0


@contextmanager
def rotating(settings: Settings, kind: str) -> Iterator[tuple[KeyFile, Ending]]:
    """The key file, held against other rotations, and what the audit trail will say of this one."""
    require_audit(settings)
    provider = keys_of(settings)
    if not isinstance(provider, FileKeys):
        raise UserError(f"the {kind} key rotates in KEY_FILE: `fraudstream keys create` makes one")
    with provider.file.lock(), audited(settings, "keys.rotate", kind) as ending:
        yield provider.file, ending


def catch_up_vault(settings: Settings) -> None:
    """Take every seal that was sent so far into the vault; raises UserError."""
    follower = vault_follower(settings)
    try:
        if not follower.catch_up(_VAULT_WAIT_S):
            raise UserError("seals are still on their way to the vault: try again")
    finally:
        follower.close()


def drop_older(file: KeyFile, kind: str, ending: Ending, done: str) -> None:
    """Drop every key of the kind but the newest, for ever, and say so in the trail."""
    gone = ", ".join(key.id for key in file.retire(kind))
    ending.detail = f"retired: key {gone or 'none'}; {done}"
