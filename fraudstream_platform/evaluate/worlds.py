"""The simulated worlds that an evaluation runs: which there are, how large, from which seeds.

Tuning seeds are 1-999, reporting seeds begin at 10,000. A world's rate of turns and its season are
drawn by its seed from its preset's ranges, which do not overlap: what was tuned on the one is
reported on the other.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from fraudstream_platform.evaluate.metrics.deadlines import DEADLINES
from fraudstream_platform.simulator.injector import PATTERNS
from fraudstream_platform.simulator.stream import StreamConfig

DAY_S = 86_400
Change = Literal["none", "drift", "missing"]
_EVERY = tuple(DEADLINES)
_ACCOUNT = ("account_takeover", "velocity_attack", "impossible_geography", "amount_probing")
_SLOW = ("bust_out", "merchant_collusion", "synthetic_identity")


@dataclass(frozen=True)
class Kind:
    """A kind of world. `fraud_rate` is the share of fraudulent transactions."""

    name: str
    patterns: tuple[str, ...]
    customers: int
    days: int
    warm_up_days: int
    """Stepped, but not counted: histories have to form first."""
    fraud_rate: float = 0.005
    change: Change = "none"
    is_main: bool = False
    """Whether cases, precision and money are read here; recall is read in every unchanged world."""


KINDS = (
    Kind("all patterns", _EVERY, 2_000, 60, 20, is_main=True),
    Kind("one account", _ACCOUNT, 2_000, 40, 10, is_main=True),
    Kind("card testing", ("card_testing",), 1_500, 20, 8, 0.05),
    Kind("slow patterns", _SLOW, 800, 180, 60, 0.02),
    Kind("quiet month", (), 2_000, 45, 15, 0.0),
    Kind("drift", _EVERY, 1_500, 40, 10, change="drift"),
    Kind("fields missing", _EVERY, 1_500, 40, 10, change="missing"),
)
"""Many attacks of testing and of the slow patterns need more fraud than 0.5 %: such worlds count for
recall only."""


@dataclass(frozen=True)
class Preset:
    """A set of seeds with its own ranges."""

    first_seed: int
    last_seed: int
    turns_a_day: tuple[float, float]
    """Transactions of a customer a day."""
    season: tuple[datetime, datetime]
    """The first moment of a world lies between the two."""
    scale: float = 1.0
    """Factor on every world's customers."""
    kinds: tuple[Kind, ...] = KINDS


PRESETS: dict[str, Preset] = {
    "tuning": Preset(
        1, 999, (2.6, 3.2), (datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 6, 1, tzinfo=UTC)),
        scale=0.5,
    ),
    "reporting": Preset(
        10_000, 10_999, (2.0, 2.6),
        (datetime(2024, 8, 1, tzinfo=UTC), datetime(2025, 3, 1, tzinfo=UTC)), scale=2.0,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class World:
    """One world, ready to run."""

    kind: Kind
    seed: int
    config: StreamConfig

    @property
    def counted_from_ms(self) -> int:
        """Where warming up ends, epoch ms."""
        return self.config.start_ms + self.kind.warm_up_days * DAY_S * 1000


def plan(preset: Preset, seeds: int) -> list[World]:
    """The worlds of the preset's first `seeds` seeds; kinds without any known pattern fall away."""
    most = preset.last_seed - preset.first_seed + 1
    if not 1 <= seeds <= most:
        raise ValueError(f"seeds must be 1 to {most}")
    return [
        _world(preset, kind, seed)
        for seed in range(preset.first_seed, preset.first_seed + seeds)
        for kind in preset.kinds
        if kind.fraud_rate == 0 or _known(kind)
    ]


def _known(kind: Kind) -> tuple[str, ...]:
    return tuple(pattern for pattern in kind.patterns if pattern in PATTERNS)


def _world(preset: Preset, kind: Kind, seed: int) -> World:
    rng = random.Random(f"{seed}/{kind.name}")  # nosec B311
    customers = max(1, round(kind.customers * preset.scale))
    tps = customers * rng.uniform(*preset.turns_a_day) / DAY_S
    first, last = (int(moment.timestamp()) for moment in preset.season)
    config = StreamConfig(
        seed=seed,
        tps=tps,
        count=round(tps * kind.days * DAY_S),
        start_ms=1000 * rng.randrange(first, last),
        fraud_rate=kind.fraud_rate,
        patterns=_known(kind),
        customers=customers,
        time_scale=1.0,
        batch_slots=2_048,
    )
    return World(kind, seed, config)
