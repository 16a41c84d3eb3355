"""What a replay did, as JSON."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from fraudstream_platform.replay.prepare import Bad, Prepared

BAD_LISTED = 100_000
"""Bad rows that are named; more are counted, so that a wholly bad file fits into memory."""


@dataclass
class Report:
    """Figures of one replay; `rows_read` is `sent` + `skipped` + what the broker did not take."""

    file: str
    rows_read: int = 0
    sent: int = 0
    skipped: int = 0
    labels_sent: int = 0
    seals_sent: int = 0
    not_delivered: dict[str, int] = field(default_factory=dict)
    quarantine_expected: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    bad: list[Bad] = field(default_factory=list)

    def note(self, prepared: Prepared) -> None:
        """Count the rows of a chunk."""
        self.rows_read += len(prepared.messages) + len(prepared.bad)
        self.skipped += len(prepared.bad)
        self.bad.extend(prepared.bad[: BAD_LISTED - len(self.bad)])
        self.quarantine_expected.update(prepared.quarantine)

    def text(self) -> str:
        """The report as JSON."""
        figures: dict[str, Any] = {
            name: value for name, value in vars(self).items() if name != "bad"
        }
        figures["quarantine_expected"] = {
            rule: count for rule, count in self.quarantine_expected.items() if count
        }
        figures["bad_not_listed"] = self.skipped - len(self.bad)
        figures["bad"] = [{"line": line, "reason": reason} for line, reason in self.bad]
        return json.dumps(figures, indent=2)
