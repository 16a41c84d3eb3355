"""What really happened: attacks for evaluation files, and the labels that reach the bank late.

Which attack a transaction belongs to is never on a topic.
"""

from __future__ import annotations

import heapq
import json
import random
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from fraudstream_platform.simulator.record import Transaction

NEVER_REPORTED_SHARE = 0.10
FRIENDLY_FRAUD_SHARE = 0.05
_CHARGEBACK_SHARE = 0.3
_DAY_S = 86_400.0


class Delays(NamedTuple):
    """How long labels take, shortest and longest, seconds."""

    report: tuple[float, float]
    """The cardholder's fraud report."""
    chargeback: tuple[float, float]
    """A dispute that goes through the scheme."""
    charge_off: tuple[float, float]
    """The issuer's loss on an account that nobody pays any more (bust-out, synthetic identity)."""


SECONDS = Delays((5.0, 40.0), (5.0, 40.0), (5.0, 40.0))
"""Days in life, seconds here, so that a short run sees labels at all."""
TRUE_DELAYS = Delays(
    (0.2 * _DAY_S, 10 * _DAY_S), (14 * _DAY_S, 60 * _DAY_S), (90 * _DAY_S, 150 * _DAY_S)
)

_CHARGED_OFF = frozenset({"bust_out", "synthetic_identity"})
_SEEN_BY_THE_ISSUER = frozenset({"testing_of_many", "merchant_collusion"})


class LookAlike(NamedTuple):
    """An episode of ordinary life that resembles an attack; `customer` and `card` are tokens."""

    kind: str
    customer: str
    card: str
    at_ms: int


@dataclass
class Attack:
    """One injected fraud; times are epoch ms, value is minor units of the billing currency.

    `customer` is empty where the attack is on many. `transaction_ids` are the fraudulent ones in
    order, `genuine_ids` those around them that belong to the plan.
    """

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

    def note(self, sent: Transaction, fraudulent: bool, now_ms: int) -> None:
        """Write down one sent transaction of the plan."""
        if not fraudulent:
            self.genuine_ids.append(sent.transaction_id)
            return
        self.transaction_ids.append(sent.transaction_id)
        self.first_ms = self.first_ms or now_ms
        self.last_ms = now_ms
        card = str(sent.account[1])
        if card not in self.cards:
            self.cards.append(card)
        if sent.approved:
            self.value_minor += int(sent.money[2])

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
    """Labels on their way: reports, chargebacks and charge-offs of attacks, and friendly fraud."""

    def __init__(self, rng: random.Random, fraud_rate: float, delays: Delays = SECONDS) -> None:
        self._rng = rng
        self._friendly = fraud_rate * FRIENDLY_FRAUD_SHARE
        self._delays = delays
        self._due: list[tuple[int, str, str, str]] = []

    def after_attack(self, attack: Attack) -> None:
        """All of the attack becomes known at once, or nothing of it ever."""
        if self._rng.random() < NEVER_REPORTED_SHARE:
            return
        kind, source, delay = "fraud_report", "cardholder", self._delays.report
        if attack.pattern in _CHARGED_OFF:
            kind, source, delay = "charge_off", "issuer", self._delays.charge_off
        elif attack.pattern in _SEEN_BY_THE_ISSUER:
            source = "issuer"
        elif self._rng.random() < _CHARGEBACK_SHARE:
            kind, source, delay = "chargeback", "scheme", self._delays.chargeback
        due = attack.last_ms + self._ms(delay)
        for transaction_id in attack.transaction_ids:
            heapq.heappush(self._due, (due, transaction_id, kind, source))

    def after_genuine(self, transaction_id: str, at_ms: int) -> None:
        """Now and then a customer disputes a purchase of their own."""
        if self._rng.random() < self._friendly:
            due = at_ms + self._ms(self._delays.chargeback)
            heapq.heappush(self._due, (due, transaction_id, "chargeback", "scheme"))

    def take_due(self, now_ms: int) -> list[dict[str, Any]]:
        """Records of `transaction_label.avsc` that become known by `now_ms`."""
        taken = []
        while self._due and self._due[0][0] <= now_ms:
            due, transaction_id, label_type, source = heapq.heappop(self._due)
            taken.append(
                {
                    "transaction_id": transaction_id,
                    "label_type": label_type,
                    "reported_at": due,
                    "source": source,
                }
            )
        return taken

    def _ms(self, delay_s: tuple[float, float]) -> int:
        return int(1000 * self._rng.uniform(*delay_s))
