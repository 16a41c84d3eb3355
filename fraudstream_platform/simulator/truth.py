"""What really happened: attacks for evaluation files, and the labels that reach the bank late.

Which attack a transaction belongs to is never on a topic.
"""

from __future__ import annotations

import heapq
import json
import random
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

NEVER_REPORTED_SHARE = 0.10
FRIENDLY_FRAUD_SHARE = 0.05
_DELAY_S = (5.0, 40.0)
"""Days in life, seconds here, so that a short run sees labels at all."""


@dataclass
class Attack:
    """One injected fraud; times are epoch ms, value is minor units of the billing currency."""

    attack_id: str
    pattern: str
    strength: str
    customer: str
    cards: list[str] = field(default_factory=list)
    transaction_ids: list[str] = field(default_factory=list)
    genuine_ids: list[str] = field(default_factory=list)
    first_ms: int = 0
    last_ms: int = 0
    value_minor: int = 0

    def as_json(self) -> str:
        """One line of an evaluation file."""
        return json.dumps(asdict(self), sort_keys=True)


class TruthFile:
    """JSON lines of attacks, each written when the attack is over."""

    def __init__(self, path: Path | None) -> None:
        self._file: TextIO | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w", encoding="utf-8")

    def write(self, attacks: list[Attack]) -> None:
        """Add attacks; a reader sees them at once."""
        if self._file is not None and attacks:
            self._file.writelines(attack.as_json() + "\n" for attack in attacks)
            self._file.flush()

    def close(self) -> None:
        """Close the file, if there is one."""
        if self._file is not None:
            self._file.close()


class Labels:
    """Labels on their way: fraud reports after attacks, and friendly fraud."""

    def __init__(self, rng: random.Random, fraud_rate: float) -> None:
        self._rng = rng
        self._friendly = fraud_rate * FRIENDLY_FRAUD_SHARE
        self._due: list[tuple[int, str, str]] = []

    def after_attack(self, attack: Attack) -> None:
        """The victim reports all of the attack, or never notices."""
        if self._rng.random() < NEVER_REPORTED_SHARE:
            return
        due = attack.last_ms + self._delay_ms()
        for transaction_id in attack.transaction_ids:
            heapq.heappush(self._due, (due, transaction_id, "fraud_report"))

    def after_genuine(self, transaction_id: str, at_ms: int) -> None:
        """Now and then a customer disputes a purchase of their own."""
        if self._rng.random() < self._friendly:
            heapq.heappush(self._due, (at_ms + self._delay_ms(), transaction_id, "chargeback"))

    def take_due(self, now_ms: int) -> list[dict[str, Any]]:
        """Records of `transaction_label.avsc` that become known by `now_ms`."""
        taken = []
        while self._due and self._due[0][0] <= now_ms:
            due, transaction_id, label_type = heapq.heappop(self._due)
            taken.append(
                {
                    "transaction_id": transaction_id,
                    "label_type": label_type,
                    "reported_at": due,
                    "source": "cardholder",
                }
            )
        return taken

    def _delay_ms(self) -> int:
        return int(1000 * self._rng.uniform(*_DELAY_S))
