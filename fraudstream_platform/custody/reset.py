"""Deleting all data: recorded first, and the audit trail stays."""

from __future__ import annotations

from pathlib import Path

from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.audited import audited, is_there
from fraudstream_platform.lake.tables import AUDIT, table_uri
from fraudstream_platform.local import control
from fraudstream_platform.settings import Settings


def reset_all(settings: Settings, *, with_audit_trail: bool = False) -> bool:
    """End the services and delete DATA_DIR but for the audit trail; whether one was kept.

    Raises UserError where the trail is to go too and this is production.
    """
    if with_audit_trail and settings.environment == "production":
        raise UserError("in production the audit trail is not deleted")
    if with_audit_trail or not is_there(settings):
        control.reset(settings)
        return False
    with audited(settings, "reset", settings.data_dir.name):
        control.reset(settings, keep=Path(table_uri(settings, AUDIT)).parent.resolve())
    return True
