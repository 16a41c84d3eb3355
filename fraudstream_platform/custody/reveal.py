"""Showing an original: recorded before it is shown, masked unless the person's role is to see it."""

from __future__ import annotations

import time
from dataclasses import dataclass

import polars as pl

from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.audit_log import AuditLog
from fraudstream_platform.lake.audited import event, is_member, name_of, person
from fraudstream_platform.lake.vault import FORGOTTEN, sealed_of
from fraudstream_platform.protection.audit import AuditEvent
from fraudstream_platform.protection.keys import sealer_of
from fraudstream_platform.protection.masks import mask
from fraudstream_platform.protection.tokens import is_token
from fraudstream_platform.protection.vault import SealError
from fraudstream_platform.settings import Settings

WHAT = "vault.reveal"
_HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Request:
    """One wish to see the original of `token`; `clear` asks for all of it."""

    token: str
    reason: str
    clear: bool = False


def reveal(settings: Settings, request: Request) -> str:
    """The original, masked or clear; raises UserError where it is refused or not there.

    Every request is in the audit trail before anything is opened, refused ones too.
    """
    require_audit(settings)
    require_token(request.token)
    if not request.reason.strip():
        raise UserError("a reason is needed: it stands in the audit trail")
    sealed = sealed_of(settings, request.token)
    refusal = ""

    def decide(trail: pl.LazyFrame) -> AuditEvent:
        nonlocal refusal
        refusal = _refusal(settings, request, trail)
        return _event(request, sealed, refusal)

    AuditLog(settings).append_decided(decide)
    if refusal:
        raise UserError(refusal)
    if sealed is None:
        raise UserError(f"the vault holds no seal of {request.token}")
    if sealed == FORGOTTEN:
        raise UserError(f"{request.token} was forgotten: nothing is left to show")
    try:
        original = sealer_of(settings).open(sealed)
    except SealError as error:
        raise UserError(f"{request.token}: {error}; see VAULT_KEY and VAULT_OLD_KEYS") from None
    return original.value if request.clear else mask(original.kind, original.value)


def require_audit(settings: Settings) -> None:
    """Raise UserError where nothing would be recorded."""
    if not settings.audit_logging_enabled:
        raise UserError("AUDIT_LOGGING_ENABLED is false: what is not audited is not done")


def require_token(text: str) -> None:
    """Raise UserError, without the text, where it is no token: it may be an original."""
    if not is_token(text):
        raise UserError("that is no token; docs/tokens.md shows what one looks like")


def _event(request: Request, sealed: str | None, refusal: str) -> AuditEvent:
    asked = f"{'clear' if request.clear else 'masked'}: {request.reason}"
    if refusal:
        return event(WHAT, "refused", request.token, f"{asked} ({refusal})")
    outcome = "allowed" if sealed else "failed"
    return event(WHAT, outcome, request.token, asked)


def _refusal(settings: Settings, request: Request, trail: pl.LazyFrame) -> str:
    """Why the request is refused; empty where it is not."""
    if request.clear and not _may_see_clear(settings):
        return "only members of VAULT_CLEAR_GROUP may see originals in the clear"
    hour_ago = round(time.time() * 1000) - _HOUR_MS
    mine = trail.filter(
        pl.col("what") == WHAT,
        pl.col("who") == name_of(person()),
        pl.col("outcome") != "refused",
        pl.col("at").dt.epoch("ms") > hour_ago,
    )
    limit = settings.vault_reveals_per_hour
    if mine.select(pl.len()).collect().item() >= limit:
        return f"{limit} reveals within an hour are all that VAULT_REVEALS_PER_HOUR allows"
    return ""


def _may_see_clear(settings: Settings) -> bool:
    group = settings.vault_clear_group
    return bool(group) and is_member(person(), group)
