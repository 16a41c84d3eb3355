"""Worlds that change under the detector: prices drift, sources leave fields out."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from fraudstream_platform.evaluate.worlds import World

Records = list[dict[str, Any]]
_PRICES_RISE_BY = 0.5
_MISSING_SHARE = 0.3
_TOGETHER = (
    ("device",), ("ip", "ip_net", "ip_country", "ip_type"), ("email",), ("phone",), ("address",),
    ("latitude", "longitude", "geo_precision_km"), ("bin8", "product"), ("account_opened",),
    ("open_to_buy_minor", "credit_limit_minor"), ("avs_result",), ("utc_offset_min",),
    ("contact_changed_at", "credential_changed_at", "wallet_added_at"),
)  # fmt: skip
"""Fields that a source sends or leaves out together."""


def change_of(world: World) -> Callable[[Records], None]:
    """What changes a world's records in place."""
    if world.kind.change == "drift":
        return lambda records: _drift(world, records)
    if world.kind.change == "missing":
        rng = random.Random(world.seed)  # nosec B311
        return lambda records: _leave_out(rng, records)
    return lambda records: None


def _drift(world: World, records: Records) -> None:
    """Every amount rises, by half from the end of warming up to the world's end."""
    start = world.counted_from_ms
    length = world.ends_ms - start
    for record in records:
        share = max(0.0, (record["event_time"] - start) / length)
        for field in ("amount_minor", "billing_amount_minor"):
            record[field] = round(record[field] * (1 + _PRICES_RISE_BY * share))


def _leave_out(rng: random.Random, records: Records) -> None:
    """Each group of fields is null in three records of ten."""
    for record in records:
        for group in _TOGETHER:
            if rng.random() < _MISSING_SHARE:
                for field in group:
                    record[field] = None
