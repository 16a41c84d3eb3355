"""The simulated stream without Kafka: one transaction for every intended send time.

A run of `tps` x `seconds` slots. Each slot takes the planned message that is most overdue (a step
of an attack, a retry, a refund), else the next customer's turn; so the count is exact and the
whole stream follows from the seed, the start time and the rate.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fraudstream_platform.protection.tokens import Tokeniser
from fraudstream_platform.protection.vault import Identity
from fraudstream_platform.simulator.behaviour import Life
from fraudstream_platform.simulator.hashing import mixed, turn_order
from fraudstream_platform.simulator.injector import PATTERNS
from fraudstream_platform.simulator.injector.attack import STRENGTHS, Scene, Strength, compressed
from fraudstream_platform.simulator.merchants import Merchants
from fraudstream_platform.simulator.messages import Step
from fraudstream_platform.simulator.population import Population
from fraudstream_platform.simulator.record import Transaction
from fraudstream_platform.simulator.truth import Attack, Labels

_TURNS_AT_ONCE = 4_096
_MOST_CUSTOMERS = 3_000_000  # three cards each fit the seven digits behind a bin8
_SECONDS_BETWEEN_TURNS = 600
_DEMO_SPAN_S = (10.0, 40.0)
_LONGEST_SHARE = 1 / 3  # of the run, so that attacks fit into short ones
_QUIET_START_S = 3.0


def default_customers(tps: float) -> int:
    """So many that each has a turn about every ten minutes."""
    return min(_MOST_CUSTOMERS, max(20_000, int(_SECONDS_BETWEEN_TURNS * tps)))


@dataclass(frozen=True)
class StreamConfig:
    """What to simulate. Times are epoch ms.

    `time_scale` multiplies the true durations of attacks (patterns.md section 3 has them); None
    compresses each to 10-40 s (a third of the run at most), so that whole attacks fit into a demo.
    """

    seed: int
    tps: float
    count: int
    start_ms: int
    fraud_rate: float = 0.005
    patterns: tuple[str, ...] = tuple(PATTERNS)
    strengths: tuple[Strength, ...] = STRENGTHS
    customers: int = 0
    time_scale: float | None = None
    batch_slots: int = 256

    def __post_init__(self) -> None:
        if self.tps <= 0 or self.count < 0:
            raise ValueError("tps must be positive and count must not be negative")
        unknown = sorted(set(self.patterns) - set(PATTERNS))
        if unknown:
            raise ValueError(f"unknown patterns {unknown}; known are {sorted(PATTERNS)}")
        if not 0 <= self.fraud_rate < 1:
            raise ValueError("fraud_rate must be at least 0 and below 1")

    def due_ms(self, slot: int) -> int:
        """Intended send time of the record in `slot`."""
        return self.start_ms + int(slot * 1000 / self.tps)


class _Planned(NamedTuple):
    due_ms: int
    number: int
    step: Step
    attack: Attack | None
    last: bool


@dataclass
class Batch:
    """Some slots of the stream in order, and what came with them."""

    first_slot: int
    transactions: list[Transaction] = field(default_factory=list)
    in_attack: list[bool] = field(default_factory=list)
    """Whether the transaction belongs to an attack, the victim's own ones included."""
    identities: list[Identity] = field(default_factory=list)
    """Originals of tokens that appear for the first time."""
    attacks: list[Attack] = field(default_factory=list)
    """Attacks that ended here."""
    labels: list[dict[str, Any]] = field(default_factory=list)

    def keys(self) -> list[str]:
        """Kafka keys of the transactions."""
        return [transaction.key for transaction in self.transactions]

    def records(self) -> list[dict[str, Any]]:
        """The transactions as Avro writers take them."""
        return [transaction.as_dict() for transaction in self.transactions]


class Stream:
    """Generates one run; iterate over `batches` once."""

    def __init__(self, config: StreamConfig, tokeniser: Tokeniser) -> None:
        self.config = config
        seed, size = config.seed, config.customers or default_customers(config.tps)
        self._people = Population(seed, size, tokeniser)
        self._people.online(self._people.customer(0))  # makes faker's lists before the clock runs
        self._merchants = Merchants(seed)
        rng = random.Random(mixed(seed, 6, 0))  # nosec B311
        self._life = Life(self._people, self._merchants, rng)
        self._chance = random.Random(mixed(seed, 7, 0))  # nosec B311
        self._labels = Labels(random.Random(mixed(seed, 8, 0)), config.fraud_rate)  # nosec B311
        self._run = f"{mixed(seed, 9, config.start_ms) >> 32:08x}"
        # Where the round of turns begins follows from the time, so that two runs differ.
        self._first_turn = mixed(seed, 10, config.start_ms) % size
        self._turns: list[int] = []
        self._turn = 0
        self._planned: list[_Planned] = []
        self._planned_count = 0
        self._attacks = 0
        self._credit = -config.fraud_rate * config.tps * _QUIET_START_S

    def batches(self) -> Iterator[Batch]:
        """All batches of the run."""
        config = self.config
        for first in range(0, config.count, config.batch_slots):
            batch = Batch(first)
            for slot in range(first, min(first + config.batch_slots, config.count)):
                self._fill(slot, batch)
            batch.identities = self._people.take_fresh()
            batch.labels = self._labels.take_due(config.due_ms(first))
            yield batch

    def _fill(self, slot: int, batch: Batch) -> None:
        now = self.config.due_ms(slot)
        self._credit += self.config.fraud_rate
        if self._credit >= 0 and self.config.fraud_rate and self.config.patterns:
            self._start_attack(now)
        attack, last = None, False
        if self._planned and self._planned[0].due_ms <= now:
            _, _, step, attack, last = heapq.heappop(self._planned)
        else:
            step, *later = self._life.turn(self._next_customer())
            self._plan(now, later)
        sent = step.transaction._replace(head=(f"{self._run}-{slot:012d}", now, now))
        batch.transactions.append(sent)
        batch.in_attack.append(attack is not None)
        if attack is None:
            self._plan(now, self._life.consequences(sent))
            self._labels.after_genuine(sent.transaction_id, now)
            return
        _note(attack, sent, step.fraudulent, now)
        if last:
            batch.attacks.append(attack)
            self._labels.after_attack(attack)

    def _next_customer(self) -> int:
        if not self._turns:
            start = self._first_turn + self._turn
            order = turn_order(self._people.size, self.config.seed, start, _TURNS_AT_ONCE)
            self._turns = order.tolist()[::-1]
            self._turn += _TURNS_AT_ONCE
        return self._turns.pop()

    def _plan(self, now: int, steps: list[Step], attack: Attack | None = None) -> None:
        for place, step in enumerate(steps):
            self._planned_count += 1
            last = place == len(steps) - 1
            planned = _Planned(now + step.offset_ms, self._planned_count, step, attack, last)
            heapq.heappush(self._planned, planned)

    def _start_attack(self, now: int) -> None:
        """Plan the next attack, unless the run ends before it would."""
        config, chance = self.config, self._chance
        pattern = config.patterns[self._attacks % len(config.patterns)]
        strength = chance.choice(config.strengths)
        victim = self._people.customer(chance.randrange(self._people.size))
        rng = random.Random(mixed(config.seed, 11, self._attacks))  # nosec B311
        scene = Scene(rng, self._people, self._merchants, self._life, victim)
        steps = PATTERNS[pattern](scene, strength)
        span_ms = max(step.offset_ms for step in steps)
        factor = config.time_scale
        if factor is None:
            run_ms = 1000 * config.count / config.tps
            wanted_ms = min(1000 * chance.uniform(*_DEMO_SPAN_S), run_ms * _LONGEST_SHARE)
            factor = min(1.0, wanted_ms / span_ms)
        self._credit -= sum(step.fraudulent for step in steps)
        name = f"{self._run}-{self._attacks:06d}"
        self._attacks += 1
        if now + span_ms * factor >= config.due_ms(config.count):
            return
        self._plan(now, compressed(steps, factor), Attack(name, pattern, strength, victim.token))


def _note(attack: Attack, sent: Transaction, fraudulent: bool, now: int) -> None:
    """Write one sent transaction into its attack's record."""
    if not fraudulent:
        attack.genuine_ids.append(sent.transaction_id)
        return
    attack.transaction_ids.append(sent.transaction_id)
    attack.first_ms = attack.first_ms or now
    attack.last_ms = now
    card = str(sent.account[1])
    if card not in attack.cards:
        attack.cards.append(card)
    if sent.approved:
        attack.value_minor += int(sent.money[2])


def stream(
    seed: int, tps: float, seconds: float, *, tokeniser: Tokeniser, start_ms: int, **options: Any
) -> Iterator[Batch]:
    """Batches of a run of `seconds`; `options` are the other fields of `StreamConfig`."""
    config = StreamConfig(seed, tps, round(tps * seconds), start_ms, **options)
    return Stream(config, tokeniser).batches()
