"""The feature catalogue: every feature declared once.

The declaration drives the kernel (`kernel_specs`), the frame's schema, `docs/features.md` and the
rule sets' vocabulary. `FEATURES` is data: a new window is a new line.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from functools import cache
from typing import Literal

import polars as pl

from fraudstream_platform.contracts.codes import CASH_LIKE_MCCS, RESALE_MCCS
from fraudstream_platform.contracts.schemas import POSITION_SCHEMA
from fraudstream_platform.detection import flags as ev
from fraudstream_platform.detection.exchange_measures import EXCHANGED
from fraudstream_platform.detection.measures import (
    CARD_SCALARS,
    CARD_TALLIES,
    CUSTOMER_SCALARS,
    CUSTOMER_TALLIES,
    EVENT_SCALARS,
    GEO_SCALARS,
    SCALARS,
    SMALL,
    TALLIES,
    Measure,
)

RING = 32
"""Events an entity remembers one by one: counts of exact windows saturate here."""
HOURS = 24
"""Hours of event time an entity remembers as tiles."""
DAYS = 30
"""Days of event time an entity remembers as tiles."""

COUNT, SUM, MAX, MIN, MERCHANTS, CARDS, AMOUNTS, RISING = range(8)
"""Aggregations over the ring of the newest events."""
TALLY = 8
"""Whole numbers that have code of their own."""
ACROSS_PARTITIONS = 20
"""Counted by the exchange (exchange.py), not by the kernel."""
REAL = -1
"""Reals, which all have code of their own."""
Entity = Literal[
    "card", "customer", "instrument", "event", "device", "ipnet", "merchant", "bin_merchant"
]


@dataclass(frozen=True)
class Feature:
    """One declared feature; `mask`/`want` say which events' flags count (flags & mask == want)."""

    entity: Entity
    measure: str
    unit: str
    definition: str
    window_s: int = 0
    aggregation: int = REAL
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
        return self.aggregation != REAL


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
        f(
            "purchases_40m", "count", f"Attempts of more than {SMALL}, fuel left out.", 2400, COUNT,
            _ATTEMPT | ev.SMALL | ev.FUEL, _ATTEMPT,
        ),
        f("sum_10m", "minor", "Approved spend less reversals, at least 0.", 600, SUM, 0),
        f("sum_1h", "minor", "Approved spend less reversals, at least 0.", 3600, SUM, 0),
        f("declines_10m", "count", "Declined attempts.", 600, COUNT, _DECLINE),
        f("declines_1h", "count", "Declined attempts.", 3600, COUNT, _DECLINE),
        f("hard_10m", "count", "Attempts declined for the card or its CVV.", 600, COUNT, _HARD),
        f("hard_1h", "count", "Attempts declined for the card or its CVV.", 3600, COUNT, _HARD),
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


def _declared(entity: Entity, measures: Mapping[str, Measure], aggregation: int) -> list[Feature]:
    """Features that have code of their own."""
    return [
        Feature(
            entity, name, m.unit, m.text, m.window_s, aggregation, includes_current=m.current
        )
        for name, m in measures.items()
    ]  # fmt: skip


def _exchanged() -> list[Feature]:
    return [
        Feature(
            one.entity, one.measure, one.unit, one.definition, one.window_s,
            ACROSS_PARTITIONS if one.unit == "count" else REAL,
        )
        for one in EXCHANGED
    ]  # fmt: skip


FEATURES: tuple[Feature, ...] = (
    *_windows("card"),
    *_declared("card", TALLIES | CARD_TALLIES, TALLY),
    *_declared("card", SCALARS | CARD_SCALARS, REAL),
    *_windows("customer"),
    Feature(
        "customer", "cards_1h", "count", "Different cards of attempts.", 3600, CARDS, _ATTEMPT,
        _ATTEMPT, True,
    ),
    *_declared("customer", TALLIES | CUSTOMER_TALLIES, TALLY),
    *_declared("customer", SCALARS | CUSTOMER_SCALARS, REAL),
    *_declared("instrument", GEO_SCALARS, REAL),
    *_declared("event", EVENT_SCALARS, REAL),
    *_exchanged(),
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
    text = repr([astuple(feature) for feature in FEATURES]) + repr(
        (RING, HOURS, DAYS, ev.SMALL_MINOR, CASH_LIKE_MCCS, RESALE_MCCS)
    )
    return "features-" + hashlib.sha256(text.encode()).hexdigest()[:12]
