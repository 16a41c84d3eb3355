"""The simulated worlds that an evaluation runs: which there are, how large, from which seeds.

Tuning seeds are 1-999, reporting seeds begin at 11,018. How many customers a world has and when it
begins are drawn by its seed from its preset's ranges, which do not overlap: what was tuned on the one
is reported on the other.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

from fraudstream_platform.evaluate.metrics.deadlines import DEADLINES
from fraudstream_platform.simulator.hands import Injector
from fraudstream_platform.simulator.injector.attack import Strength
from fraudstream_platform.simulator.stream import StreamConfig

DAY_MS = 86_400_000
Change = Literal["none", "drift", "missing"]
STRENGTHS: tuple[Strength, ...] = get_args(Strength)
_EVERY = tuple(DEADLINES)
_ACCOUNT = (
    "account_takeover", "card_testing", "velocity_attack", "impossible_geography",
    "amount_probing",
)  # fmt: skip
_GROUPS = ("merchant_collusion", "synthetic_identity")
_STEPS_A_DAY = 8
_LARGEST_STEP = 2_048


@dataclass(frozen=True)
class Kind:
    """A kind of world. `fraud_rate` is the share of fraudulent transactions."""

    name: str
    patterns: tuple[str, ...]
    customers: int
    """Times the preset's scale."""
    days: int
    warm_up_days: int
    """Stepped, but not counted: histories have to form first. Attacks begin about then."""
    fraud_rate: float = 0.005
    change: Change = "none"
    is_main: bool = False
    """Whether cases, precision and money are read here; recall is read in every unchanged world."""

    @property
    def has_groups(self) -> bool:
        """Whether patterns over Silver have something to find, or to keep quiet about."""
        return not self.patterns or not set(_GROUPS).isdisjoint(self.patterns)


KINDS = (
    Kind("all patterns", _EVERY, 250, 90, 14, is_main=True),
    Kind("one account", _ACCOUNT, 2_250, 80, 14, is_main=True),
    Kind("bust-out", ("bust_out",), 800, 150, 60, is_main=True),
    Kind("testing of many", ("testing_of_many",), 3_200, 20, 5, 0.11),
    Kind("rings", ("merchant_collusion",), 650, 120, 48, 0.02),
    Kind("identities", ("synthetic_identity",), 330, 120, 48, 0.02),
    Kind("quiet month", (), 250, 45, 14, 0.0),
    Kind("drift", _ACCOUNT, 400, 60, 14, change="drift"),
    Kind("fields missing", _ACCOUNT, 400, 60, 14, change="missing"),
)
"""Attacks of hundreds of transactions each would need tens of millions of transactions at 0.5 %: their
worlds have more fraud, and count for recall only."""


@dataclass(frozen=True)
class Preset:
    """A set of seeds with its own ranges."""

    first_seed: int
    last_seed: int
    scale: tuple[float, float]
    """Factor on a world's customers, lowest and highest."""
    season: tuple[datetime, datetime]
    """The first moment of a world lies between the two."""
    kinds: tuple[Kind, ...] = KINDS


PRESETS: dict[str, Preset] = {
    "tuning": Preset(
        1, 999, (0.45, 0.6), (datetime(2023, 1, 1, tzinfo=UTC), datetime(2023, 7, 1, tzinfo=UTC))
    ),
    "reporting": Preset(
        11_018, 11_999, (3.5, 4.5),
        (datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)),
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
        return self.config.start_ms + self.kind.warm_up_days * DAY_MS

    @property
    def ends_ms(self) -> int:
        """When the last day is over, epoch ms."""
        return self.config.start_ms + self.kind.days * DAY_MS


def plan(preset: Preset, seeds: int, injector: Injector = "first") -> list[World]:
    """The worlds of the preset's first `seeds` seeds, attacked by one injector."""
    most = preset.last_seed - preset.first_seed + 1
    if not 1 <= seeds <= most:
        raise ValueError(f"there are 1 to {most}")
    chosen = range(preset.first_seed, preset.first_seed + seeds)
    return [_world(preset, kind, seed, injector) for seed in chosen for kind in preset.kinds]


def _world(preset: Preset, kind: Kind, seed: int, injector: Injector) -> World:
    rng = random.Random(f"{seed}/{kind.name}")  # nosec B311
    customers = max(1, round(kind.customers * rng.uniform(*preset.scale)))
    first, last = (int(moment.timestamp()) for moment in preset.season)
    config = StreamConfig.history(
        seed,
        kind.days,
        customers,
        1000 * rng.randrange(first, last) + kind.days * DAY_MS,
        fraud_rate=kind.fraud_rate,
        patterns=kind.patterns,
        strengths=STRENGTHS,
        injector=injector,
        batch_slots=min(_LARGEST_STEP, max(64, 2 * customers // _STEPS_A_DAY)),
    )
    return World(kind, seed, config)
