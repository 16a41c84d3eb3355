"""The schema registry holds this code's contracts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fraudstream_platform.doctor.verdict import Check, fail, ok, warn


@dataclass(frozen=True)
class SubjectFacts:
    """One subject: whether this code's schema is registered, and how new ones are judged."""

    subject: str
    registered: bool
    compatibility: str | None


def judge_registry(subjects: Sequence[SubjectFacts], wanted: str) -> list[Check]:
    """A line for each fault, else a single one; `wanted` is the compatibility level."""
    found = []
    for one in subjects:
        name = f"schema {one.subject}"
        if not one.registered:
            remedy = "`fraudstream setup` registers it"
            found.append(fail(name, "this code's schema is not registered", remedy))
        elif one.compatibility != wanted:
            found.append(
                warn(
                    name,
                    f"compatibility is {one.compatibility}, not {wanted}: a schema that breaks "
                    "readers could be registered",
                    "`fraudstream setup` sets it",
                )
            )
    return found or [ok("registry", f"answers; {len(subjects)} schemas are registered")]
