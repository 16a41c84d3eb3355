"""The simulated stream without Kafka, in one of two kinds of time.

Compressed (the demo): `tps` x `seconds` slots in which customers take turns (`turns.py`).
In true time (`time_scale=1`): a world of people over the same span (`world/`); when they buy is
theirs, so the count is what `tps` makes of it on average.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from fraudstream_platform.protection.tokens import Tokeniser
from fraudstream_platform.protection.vault import Identity
from fraudstream_platform.simulator.course import Course, Menu
from fraudstream_platform.simulator.hands import INJECTORS, Injector
from fraudstream_platform.simulator.injector import DEMO_PATTERNS, QUICK_PATTERNS
from fraudstream_platform.simulator.injector.attack import Strength
from fraudstream_platform.simulator.record import Transaction
from fraudstream_platform.simulator.truth import Attack, LookAlike
from fraudstream_platform.simulator.turns import Share, Slots, Turns
from fraudstream_platform.simulator.world.world import CUSTOMER_DAY, World

_MOST_CUSTOMERS = 3_000_000  # three cards each fit the seven digits behind a bin8
_SECONDS_BETWEEN_TURNS = 600
_DAY_S = 86_400
_FEWEST_IN_A_WORLD = 60


def default_customers(tps: float) -> int:
    """So many that each has a turn about every ten minutes."""
    return min(_MOST_CUSTOMERS, max(20_000, int(_SECONDS_BETWEEN_TURNS * tps)))


@dataclass(frozen=True)
class StreamConfig:
    """What to simulate. Times are epoch ms.

    `time_scale` None compresses each attack to 10-40 s (a third of the run at most), so that whole
    attacks fit into a demo; another factor multiplies true durations (`injector/` has them); 1 is
    a world in true time, for which `tps` should be low: each customer makes 2 a day. `tps` and
    `count` are of the `share` alone, `customers` are everybody's.
    """

    seed: int
    tps: float
    count: int
    start_ms: int
    fraud_rate: float = 0.005
    patterns: tuple[str, ...] = QUICK_PATTERNS
    strengths: tuple[Strength, ...] = ("blatant", "normal")
    customers: int = 0
    time_scale: float | None = None
    batch_slots: int = 256
    finale: bool = False
    injector: Injector = "first"
    share: Share = field(default_factory=Share)
    remembered: int = 40_000
    """Customers kept in memory; others are made again in their turn."""

    def __post_init__(self) -> None:
        if self.tps <= 0 or self.count < 0:
            raise ValueError("tps must be positive and count must not be negative")
        known = INJECTORS[self.injector]
        unknown = sorted(set(self.patterns) - set(known))
        if unknown:
            raise ValueError(f"unknown patterns {unknown}; known are {sorted(known)}")
        slow = sorted(set(self.patterns) - set(DEMO_PATTERNS))
        if slow and not self.is_true_time:
            raise ValueError(
                f"patterns {slow} take weeks: they need --history or a time scale of 1"
            )
        if not 0 <= self.fraud_rate < 1:
            raise ValueError("fraud_rate must be at least 0 and below 1")

    @property
    def is_true_time(self) -> bool:
        """Whether people live their days instead of taking turns."""
        return self.time_scale == 1

    @classmethod
    def history(
        cls, seed: int, days: float, customers: int, end_ms: int, **options: Any
    ) -> StreamConfig:
        """A world in true time of so many days and customers that ends at `end_ms`."""
        tps = customers * CUSTOMER_DAY / _DAY_S
        return cls(
            seed, tps, round(days * _DAY_S * tps), end_ms - round(days * _DAY_S * 1000),
            customers=customers, time_scale=1, **options,
        )  # fmt: skip

    def due_ms(self, slot: int) -> int:
        """Intended send time of the record in `slot`, where records come in slots."""
        return Slots(self.start_ms, self.tps, self.count).due_ms(slot)


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
    look_alikes: list[LookAlike] = field(default_factory=list)
    """Episodes of ordinary life that resemble an attack (worlds in true time)."""

    @property
    def due_ms(self) -> int:
        """When the last of its records is to be sent."""
        return int(self.transactions[-1].head[2])

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
        self._course = _course(config, tokeniser)

    def introduce(self) -> Iterator[list[Identity]]:
        """Everybody's identities, some at a time, where customers take turns: later none is new."""
        return self._course.introduce() if isinstance(self._course, Turns) else iter(())

    def batches(self) -> Iterator[Batch]:
        """All batches of the run."""
        course, first = self._course, 0
        sent = course.transactions()
        while some := list(islice(sent, self.config.batch_slots)):
            batch = Batch(first, [one.transaction for one in some], [one.in_attack for one in some])
            batch.identities = course.take_fresh()
            batch.attacks = course.take_attacks()
            batch.look_alikes = course.take_look_alikes()
            batch.labels = course.take_labels(batch.due_ms)
            first += len(some)
            yield batch


def _menu(config: StreamConfig) -> Menu:
    return Menu(
        config.patterns, config.strengths, config.fraud_rate, config.finale, config.injector
    )


def _course(config: StreamConfig, tokeniser: Tokeniser) -> Course:
    seed, menu = config.seed, _menu(config)
    slots = Slots(config.start_ms, config.tps, config.count)
    if not config.is_true_time:
        size = config.customers or default_customers(config.tps)
        return Turns(
            seed, size, slots, menu, config.time_scale, tokeniser, config.share, config.remembered
        )
    size = config.customers or round(config.tps * _DAY_S / CUSTOMER_DAY)
    size = min(_MOST_CUSTOMERS, max(_FEWEST_IN_A_WORLD, size))
    return World(seed, size, (config.start_ms, slots.due_ms(config.count)), menu, tokeniser)


def stream(
    seed: int, tps: float, seconds: float, *, tokeniser: Tokeniser, start_ms: int, **options: Any
) -> Iterator[Batch]:
    """Batches of a run of `seconds`; `options` are the other fields of `StreamConfig`."""
    config = StreamConfig(seed, tps, round(tps * seconds), start_ms, **options)
    return Stream(config, tokeniser).batches()
