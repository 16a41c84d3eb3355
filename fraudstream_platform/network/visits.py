"""Visits of customers to merchants, as integers: what the collusion pattern works on.

Only what a customer chose to pay counts: charges that merchants start (subscriptions) and cash
from machines link everybody who lives near, and say nothing about a merchant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

VISIT_COLUMNS = (
    "partition", "offset", "event_time", "utc_offset_min", "message_type", "transaction_type",
    "initiator", "outcome", "amount_minor", "billing_amount_minor", "customer", "card",
    "merchant_id", "merchant_group_id", "mcc", "merchant_country", "latitude", "longitude",
    "geo_precision_km",
)  # fmt: skip
"""Silver columns that `visits_of` reads."""

_PURCHASES = ("AUTH", "ADVICE")
"""Not a hold before the amount is known (a round one): its advice follows."""
_PRECISE_KM = 1.0
_AREA_DEGREES = 0.5
_MOST_AREAS = 256

MCC_GROUPS: dict[str, tuple[str, ...]] = {
    "meals": ("5811", "5812", "5813", "5814"),
    "groceries": ("5411", "5422", "5441", "5451", "5462", "5499", "5912"),
    "transit": ("4111", "4112", "4121", "4131", "4789", "7523"),
    "fuel": ("5541", "5542", "5552"),
}
"""Categories of every day, in which many customers share many merchants; all others are one."""
_GROUP_OF = {mcc: place for place, mccs in enumerate(MCC_GROUPS.values()) for mcc in mccs}
_OTHER_GROUP = len(MCC_GROUPS)
_HOUR_BLOCKS = 4
CLASSES = (_OTHER_GROUP + 1) * _HOUR_BLOCKS


@dataclass(frozen=True)
class Visits:
    """One row a transaction; customers and merchants are numbered from 0."""

    rows: pl.DataFrame
    """customer, merchant, at_ms, hour (local), amount (its own currency), billing, is_refund,
    partition, offset."""
    customers: pl.Series
    """Token of each customer (where there is none, of the card)."""
    merchants: pl.DataFrame
    """merchant_id, group (chain; null where none), mcc, area, latitude, longitude (null where the
    place is not precise), by merchant number."""
    homes: Ints
    """Area in which each customer pays most."""
    classes: Ints
    """Category by main hours of each merchant."""

    def since(self, start_ms: int) -> Visits:
        """The visits at or after `start_ms`; numbers, homes and classes stay."""
        rows = self.rows.filter(pl.col("at_ms") >= start_ms)
        return Visits(rows, self.customers, self.merchants, self.homes, self.classes)


def visits_of(silver: pl.DataFrame) -> Visits:
    """Visits among Silver rows (any order; columns VISIT_COLUMNS)."""
    chosen = silver.select(VISIT_COLUMNS).filter(
        (pl.col("outcome") == "approved")
        & (pl.col("initiator") == "CIT")
        & (pl.col("transaction_type") == "purchase")
        & pl.col("message_type").is_in([*_PURCHASES, "REFUND"])
    )
    chosen = chosen.with_columns(entity=pl.coalesce("customer", "card"))
    customers = chosen.select("entity").unique().sort("entity").with_row_index("c")
    merchants = _merchants(chosen)
    at = pl.col("event_time").dt.epoch("ms")
    rows = (
        chosen.join(customers, on="entity", how="left", maintain_order="left")
        .join(
            merchants.select("merchant_id", "m"),
            on="merchant_id",
            how="left",
            maintain_order="left",
        )
        .select(
            customer=pl.col("c").cast(pl.Int64),
            merchant=pl.col("m").cast(pl.Int64),
            at_ms=at,
            hour=(at // 60_000 + pl.col("utc_offset_min").fill_null(0)) // 60 % 24,
            amount="amount_minor",
            billing="billing_amount_minor",
            is_refund=pl.col("message_type") == "REFUND",
            partition="partition",
            offset="offset",
        )
        .sort("partition", "offset")  # sums of floats depend on their order
    )
    homes = _homes(rows, merchants, customers.height)
    return Visits(rows, customers["entity"], merchants.drop("m"), homes, _classes(rows, merchants))


def _merchants(chosen: pl.DataFrame) -> pl.DataFrame:
    """By merchant number. A place is that of its terminals, where one knows it."""
    precise = pl.col("geo_precision_km").fill_null(_PRECISE_KM) <= _PRECISE_KM
    found = chosen.group_by("merchant_id").agg(
        group=pl.col("merchant_group_id").drop_nulls().first(),
        mcc=pl.col("mcc").first(),
        country=pl.col("merchant_country").first(),
        latitude=pl.col("latitude").filter(precise).median(),
        longitude=pl.col("longitude").filter(precise).median(),
        near=pl.col("latitude").median(),
        far=pl.col("longitude").median(),
    )
    cell = pl.concat_str(
        [(pl.col(name) / _AREA_DEGREES).floor().cast(pl.Int32) for name in ("near", "far")],
        separator=":",
    )
    is_placed = pl.col("near").is_not_null()
    return (
        found.with_columns(
            area=pl.when(is_placed).then(cell).otherwise(pl.col("country")), is_placed=is_placed
        )
        .drop("near", "far", "country")
        .sort("merchant_id")
        .with_row_index("m")
    )


def _homes(rows: pl.DataFrame, merchants: pl.DataFrame, count: int) -> Ints:
    """The area of most visits, placed ones first; rare areas are one."""
    areas = merchants.select(
        merchant=pl.col("m").cast(pl.Int64), area="area", is_placed="is_placed"
    )
    home = (
        rows.join(areas, on="merchant")
        .group_by("customer", "area", "is_placed")
        .len()
        .sort("customer", "is_placed", "len", "area", descending=[False, True, True, False])
        .unique("customer", keep="first", maintain_order=True)
    )
    ranked = home.group_by("area").len().sort("len", "area", descending=[True, False])["area"]
    number = {area: min(place, _MOST_AREAS - 1) for place, area in enumerate(ranked)}
    homes = np.full(count, _MOST_AREAS - 1, np.int64)
    homes[home["customer"].to_numpy()] = [number[area] for area in home["area"]]
    return homes


def _classes(rows: pl.DataFrame, merchants: pl.DataFrame) -> Ints:
    block = (
        rows.group_by("merchant", pl.col("hour") * _HOUR_BLOCKS // 24)
        .len()
        .sort("merchant", "len", "hour", descending=[False, True, False])
        .unique("merchant", keep="first", maintain_order=True)
    )
    blocks = np.zeros(merchants.height, np.int64)
    blocks[block["merchant"].to_numpy()] = block["hour"].to_numpy()
    groups = np.array([_GROUP_OF.get(mcc, _OTHER_GROUP) for mcc in merchants["mcc"]], np.int64)
    return groups * _HOUR_BLOCKS + blocks
