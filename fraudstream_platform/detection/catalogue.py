"""The feature catalogue: every feature declared once.

The declaration drives the kernel (`kernel_specs`), the frame's schema, `docs/features.md` and the
rule sets' vocabulary. `FEATURES` is data: a new window is a new line.
"""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass
from functools import cache
from typing import Literal

import polars as pl

from fraudstream_platform.contracts.schemas import POSITION_SCHEMA
from fraudstream_platform.detection import flags as ev
from fraudstream_platform.detection.measures import GEO_TEXTS, INCLUDE_CURRENT, SCALAR_TEXTS

RING = 32
"""Events an entity remembers one by one: counts of exact windows saturate here."""
TILES = 24
"""Hours of event time an entity remembers as tiles."""
SMALL = f"{ev.SMALL_MINOR / 100:.2f}"

COUNT, SUM, MAX, MIN, MERCHANTS, CARDS, AMOUNTS, RISING = range(8)
"""Aggregations over the ring of the newest events."""
TILE_COUNT, TILE_DECLINED, TILE_SUM, TILE_MAX = range(10, 14)
"""Aggregations over the tiles."""
Entity = Literal["card", "customer", "instrument"]


@dataclass(frozen=True)
class Feature:
    """One declared feature; `mask`/`want` say which events' flags count (flags & mask == want)."""

    entity: Entity
    measure: str
    unit: str
    definition: str
    window_s: int = 0
    aggregation: int = -1
    mask: int = 0
    want: int = 0
    includes_current: bool = False

    @property
    def name(self) -> str:
        """Column name."""
        return f"{self.entity}_{self.measure}"

    @property
    def is_integer(self) -> bool:
        """Counts and sums are Int64 and never null; measures are Float64, null when unknown."""
        return self.aggregation >= 0


_ATTEMPT = ev.ATTEMPT | ev.CIT
_DECLINE = ev.ATTEMPT | ev.CIT | ev.DECLINED
_HARD = _DECLINE | ev.HARD
_FUNDS = _DECLINE | ev.FUNDS
_SPEND = ev.SPEND | ev.CIT
_TRY = ev.ATTEMPT | ev.CIT | ev.FUEL | ev.VERIFY
_TRY_WANT = ev.ATTEMPT | ev.CIT


def _windows(entity: Entity) -> list[Feature]:
    """Features over the ring; a window (t-w, t] is of event time, over events that came before."""

    def f(
        measure: str, unit: str, definition: str, window_s: int, aggregation: int, mask: int,
        want: int | None = None, includes_current: bool = False,
    ) -> Feature:  # fmt: skip
        wanted = mask if want is None else want
        return Feature(
            entity, measure, unit, definition, window_s, aggregation, mask, wanted, includes_current
        )

    return [
        f("n_1m", "count", "Customer-initiated attempts.", 60, COUNT, _ATTEMPT),
        f("n_10m", "count", "Customer-initiated attempts.", 600, COUNT, _ATTEMPT),
        f("n_1h", "count", "Customer-initiated attempts.", 3600, COUNT, _ATTEMPT),
        f("sum_10m", "minor", "Approved spend less reversals, at least 0.", 600, SUM, 0),
        f("sum_1h", "minor", "Approved spend less reversals, at least 0.", 3600, SUM, 0),
        f("declines_10m", "count", "Declined attempts.", 600, COUNT, _DECLINE),
        f("declines_1h", "count", "Declined attempts.", 3600, COUNT, _DECLINE),
        f("hard_10m", "count", "Attempts declined for the card or its CVV.", 600, COUNT, _HARD),
        f(
            "small_approved_10m", "count", f"Approved attempts of at most {SMALL}.", 600, COUNT,
            _ATTEMPT | ev.APPROVED | ev.SMALL,
        ),
        f("verify_10m", "count", "Verifications.", 600, COUNT, _ATTEMPT | ev.VERIFY),
        f(
            "probes_10m", "count", f"Verifications, hard declines, amounts of at most {SMALL}.",
            600, COUNT, ev.PROBE, includes_current=True,
        ),
        f(
            "probe_merchants_10m", "count", "Different merchants of the probes.", 600, MERCHANTS,
            ev.PROBE, includes_current=True,
        ),
        f(
            "merchants_1h", "count", "Different merchants of attempts.", 3600, MERCHANTS,
            _ATTEMPT, includes_current=True,
        ),
        f(
            "amounts_1h", "count", "Different amounts of attempts.", 3600, AMOUNTS, _ATTEMPT,
            includes_current=True,
        ),
        f("max_approved_1h", "minor", "Highest approved spend, 0 if none.", 3600, MAX, _SPEND),
        f(
            "min_funds_declined_1h", "minor", "Lowest amount declined for funds, 0 if none.",
            3600, MIN, _FUNDS,
        ),
        f("funds_declined_1h", "count", "Attempts declined for funds.", 3600, COUNT, _FUNDS),
        f(
            "rising_run_10m", "count", "As rising_run_1h, of ten minutes.", 600, RISING, _TRY,
            _TRY_WANT, includes_current=True,
        ),
        f(
            "rising_run_1h", "count",
            "Length of the newest run of rising amounts that ends in this attempt (fuel and "
            "verifications left out); 1 is the attempt alone, 0 where it is left out itself.",
            3600, RISING, _TRY, _TRY_WANT, includes_current=True,
        ),
    ]  # fmt: skip


def _tiles(entity: Entity) -> list[Feature]:
    day = 86_400
    note = " Tiles of 1 h: this event's hour and the 23 before it."
    return [
        Feature(
            entity, "n_24h", "count", "Customer-initiated attempts." + note, day, TILE_COUNT
        ),
        Feature(
            entity, "declines_24h", "count", "Those declined." + note, day, TILE_DECLINED
        ),
        Feature(
            entity, "sum_24h", "minor", "Approved spend less reversals, at least 0." + note, day,
            TILE_SUM,
        ),
        Feature(
            entity, "max_approved_24h", "minor", "Highest approved spend, 0 if none." + note, day,
            TILE_MAX,
        ),
    ]  # fmt: skip


def _scalars(entity: Entity, texts: dict[str, tuple[str, str]]) -> list[Feature]:
    return [
        Feature(entity, measure, unit, text, includes_current=measure in INCLUDE_CURRENT)
        for measure, (unit, text) in texts.items()
    ]


FEATURES: tuple[Feature, ...] = (
    *_windows("card"),
    *_tiles("card"),
    *_scalars("card", SCALAR_TEXTS),
    *_windows("customer"),
    Feature(
        "customer", "cards_1h", "count", "Different cards of attempts.", 3600, CARDS, _ATTEMPT,
        _ATTEMPT, True,
    ),
    *_tiles("customer"),
    *_scalars("customer", SCALAR_TEXTS),
    *_scalars("instrument", GEO_TEXTS),
)  # fmt: skip

INTEGERS = tuple(f for f in FEATURES if f.is_integer)
REALS = tuple(f for f in FEATURES if not f.is_integer)

FEATURES_SCHEMA = pl.Schema(
    {
        **POSITION_SCHEMA,
        "event_time": pl.Datetime("ms", "UTC"),
        "transaction_id": pl.String(),
        "customer": pl.String(),
        "card": pl.String(),
        "merchant_id": pl.String(),
        "score": pl.Int32(),
        "case_id": pl.String(),
        "is_suppressed": pl.Boolean(),
        "rules_version": pl.String(),
        "catalogue_version": pl.String(),
        **{f.name: pl.Int64() if f.is_integer else pl.Float64() for f in (*INTEGERS, *REALS)},
    }
)
"""Columns of the feature table."""


@cache
def catalogue_version() -> str:
    """Names this declaration: features computed under different versions do not mix."""
    text = repr([astuple(feature) for feature in FEATURES]) + repr((RING, TILES, ev.SMALL_MINOR))
    return "features-" + hashlib.sha256(text.encode()).hexdigest()[:12]
