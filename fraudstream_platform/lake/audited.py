"""What must be audited: nothing of it happens before the trail has it."""

from __future__ import annotations

import grp
import os
import pwd
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deltalake import DeltaTable

from fraudstream_platform.lake.audit_log import AuditLog
from fraudstream_platform.lake.tables import AUDIT, table_uri
from fraudstream_platform.protection.audit import AuditEvent
from fraudstream_platform.settings import Settings

_LOGIN = Path("/proc/self/loginuid")
_NO_LOGIN = 2**32 - 1


@dataclass
class Ending:
    """What the record of an action's end will tell."""

    detail: str = ""


def person() -> int:
    """User id of who acts: of the login, also behind sudo; of a service, the one that it runs as.

    Neither can be set by a variable.
    """
    try:
        number = int(_LOGIN.read_text())
    except (OSError, ValueError):
        number = _NO_LOGIN
    return os.getuid() if number == _NO_LOGIN else number


def name_of(user: int) -> str:
    """The user's name, or `uid N` where this machine has none for it."""
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"uid {user}"


def is_member(user: int, group: str) -> bool:
    """Whether the system's own lists say that the user belongs to `group`."""
    try:
        wanted, known = grp.getgrnam(group).gr_gid, pwd.getpwuid(user)
    except KeyError:
        return False
    return wanted in os.getgrouplist(known.pw_name, known.pw_gid)


def event(what: str, outcome: str, resource: str = "", detail: str = "") -> AuditEvent:
    """An event of this process and this person; raises UnsafeTextError."""
    command = Path(sys.argv[0]).name or "python"
    origin = f"{socket.gethostname()} {command} {os.getpid()}"
    return AuditEvent(name_of(person()), what, outcome, origin, resource, detail)


def is_there(settings: Settings) -> bool:
    """Whether the lake has an audit trail yet."""
    return DeltaTable.is_deltatable(table_uri(settings, AUDIT))


@contextmanager
def audited(
    settings: Settings, what: str, resource: str = "", detail: str = ""
) -> Iterator[Ending]:
    """Record the beginning of an action, let it happen, and record how it ended.

    Raises AuditFailedError, before anything happens, where the beginning cannot be recorded. With
    AUDIT_LOGGING_ENABLED=false nothing is recorded.
    """
    ending = Ending(detail)
    if not settings.audit_logging_enabled:
        yield ending
        return
    log = AuditLog(settings)
    log.append(event(what, "begun", resource, detail))
    try:
        yield ending
    except BaseException as error:
        # Its text may hold anything; its name does not.
        log.append(event(what, "failed", resource, type(error).__name__))
        raise
    log.append(event(what, "done", resource, ending.detail))
