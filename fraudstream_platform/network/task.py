"""One pattern over Silver, in a process of its own at the lowest priority.

A Spark worker starts it: a worker that lowered its own priority could not raise it again, and the
next window's owner may be given that worker. The process ends with the one that started it, since
that one holds its standard input open. Its last line of output is a `Part` as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import polars as pl

from fraudstream_platform.drain.priority import own_session
from fraudstream_platform.lake.files import DataFile, write_file
from fraudstream_platform.network.collusion import find_collusion
from fraudstream_platform.network.findings import Finding, Reason
from fraudstream_platform.network.identities import find_identities
from fraudstream_platform.network.links import IDENTITY_COLUMNS
from fraudstream_platform.network.rules import NETWORK_RULES, NetworkRules
from fraudstream_platform.network.silver import recent
from fraudstream_platform.network.visits import VISIT_COLUMNS
from fraudstream_platform.settings import Settings, get_settings

_LOWEST = 19


@dataclass(frozen=True)
class Order:
    """What is asked for: a profile table's new version, effective from an append time (epoch ms)."""

    table: str
    version: str
    effective_from: int

    def to_json(self) -> str:
        """The form in which it is told to the process."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Part:
    """What one pattern gave: its findings, the file of its profile, and what that took."""

    order: Order
    findings: tuple[Finding, ...]
    files: tuple[DataFile, ...]
    silver_rows: int
    profile_rows: int
    seconds: float
    cpu_seconds: float

    def to_json(self) -> str:
        """The form in which it comes back."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> Part:
        """Read what `to_json` wrote."""
        raw = json.loads(text)
        return Part(
            **raw
            | {
                "order": Order(**raw["order"]),
                "findings": tuple(_finding(one) for one in raw["findings"]),
                "files": tuple(DataFile(**one) for one in raw["files"]),
            }
        )


def _finding(raw: dict[str, Any]) -> Finding:
    return Finding(
        **raw
        | {
            "members": tuple(raw["members"]),
            "reasons": tuple(Reason(*reason) for reason in raw["reasons"]),
            "newest": tuple(raw["newest"]),
        }
    )


Found = tuple[list[Finding], pl.DataFrame]


def _merchants(silver: pl.DataFrame, rules: NetworkRules) -> Found:
    found = find_collusion(silver, rules)
    return found.findings, found.merchants


def _identities(silver: pl.DataFrame, rules: NetworkRules) -> Found:
    found = find_identities(silver, rules)
    return found.findings, found.people


_LOOKS: dict[str, tuple[Callable[[pl.DataFrame, NetworkRules], Found], tuple[str, ...], int]] = {
    "gold.profiles_merchants": (_merchants, VISIT_COLUMNS, max(NETWORK_RULES.windows_s)),
    "gold.profiles_identities": (_identities, IDENTITY_COLUMNS, NETWORK_RULES.identity_window_s),
}


def look(settings: Settings, order: Order) -> Part:
    """Read Silver, find groups, and write the profile's file (nothing names it yet)."""
    began, began_cpu = time.monotonic(), time.process_time()
    find, columns, window_s = _LOOKS[order.table]
    silver = recent(settings, columns, window_s)
    findings, profile = find(silver, NETWORK_RULES)
    effective = pl.lit(datetime.fromtimestamp(order.effective_from / 1000, UTC))
    rows = profile.with_columns(effective_from=effective.cast(pl.Datetime("ms", "UTC")))
    file = write_file(settings, order.table, order.version, rows) if rows.height else None
    part = Part(
        order, tuple(findings), (), silver.height, rows.height,
        round(time.monotonic() - began, 3), round(time.process_time() - began_cpu, 3),
    )  # fmt: skip
    return part if file is None else replace(part, files=(file,))


def _end_with_parent() -> None:
    """The parent's end of the pipe closes when it dies, however it does."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    _end_with_parent()
    own_session(_LOWEST)
    asked = Order(**json.loads(sys.argv[1]))
    sys.stdout.write(look(get_settings(), asked).to_json() + "\n")
    sys.stdout.flush()
    os._exit(0)  # polars' threads and delta-rs's have nothing to tidy up that is worth a wait
