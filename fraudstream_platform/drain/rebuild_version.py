"""What a rebuilt hour was made by: code, rules, catalogue and the settings that a step depends on."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from pathlib import Path

from fraudstream_platform.detection.rules import RULES, RuleSet
from fraudstream_platform.lake.replace import rebuilt_version
from fraudstream_platform.lake.tables import open_table
from fraudstream_platform.settings import PROJECT_ROOT, Settings

_PACKAGE = Path(__file__).resolve().parents[1]
_CODE = (
    "contracts/*.py",
    "protection/*.py",
    "detection/**/*.py",
    "drain/bronze_steps.py",
    "drain/partitioner.py",
    "drain/rebuild_group.py",
    "drain/reshard_state.py",
    "drain/touches.py",
)
_DECLARED = ("schemas/*.avsc",)
_SETTINGS = ("silver_quality_threshold", "oldest_event_days", "topic_partitions")


def rebuild_version(settings: Settings, rules: RuleSet = RULES) -> int:
    """A number from the content of all that decides what a rebuild writes: alike where that is.

    It has 63 bits, since it travels as the version of a Delta application transaction.
    """
    digest = hashlib.sha256()
    for path in _sources():
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    digest.update(f"{rules.version}\0".encode())
    for name in _SETTINGS:
        digest.update(f"{name}={getattr(settings, name)}\0".encode())
    return int.from_bytes(digest.digest()[:8], "big") >> 1


def hours_done(
    settings: Settings, hours: Iterable[str], tables: Collection[str], version: int
) -> list[str]:
    """Those of `hours` of which every one of `tables` holds what `version` made."""
    opened = [open_table(settings, table) for table in tables]
    return [
        hour for hour in hours if all(rebuilt_version(table, hour) == version for table in opened)
    ]


def _sources() -> list[Path]:
    code = [path for pattern in _CODE for path in sorted(_PACKAGE.glob(pattern))]
    return code + [path for pattern in _DECLARED for path in sorted(PROJECT_ROOT.glob(pattern))]
