"""One line of the doctor's report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "FAIL"]


@dataclass(frozen=True)
class Check:
    """What was looked at, how it is, and what to do where it is not well."""

    name: str
    level: Level
    says: str
    remedy: str = ""


def ok(name: str, says: str) -> Check:
    """All is well."""
    return Check(name, "ok", says)


def warn(name: str, says: str, remedy: str) -> Check:
    """It works, but not as it should."""
    return Check(name, "warn", says, remedy)


def fail(name: str, says: str, remedy: str) -> Check:
    """It does not work, or soon will not."""
    return Check(name, "FAIL", says, remedy)


def not_looked_at(name: str, because: str) -> Check:
    """Nothing can be said, since something else, which has its own line, does not answer."""
    return warn(name, f"not looked at: {because}", f"see the line `{because.split()[0]}` first")
