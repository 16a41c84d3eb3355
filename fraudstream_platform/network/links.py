"""Who shares identifiers with whom: customers as nodes, shared e-mails, phones and the like as links.

An IP network links too many (CGNAT), an IP address changes hands; both are left out. So is every
identifier of more customers than `hub`.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from fraudstream_platform.network.components import components
from fraudstream_platform.network.edges import Flags
from fraudstream_platform.network.rules import NetworkRules
from fraudstream_platform.network.visits import Ints

KINDS = ("device", "email", "phone", "address")
IDENTITY_COLUMNS = (
    "partition", "offset", "event_time", "outcome", "billing_amount_minor", "customer", "card",
    "account_opened", "product", "mcc", "merchant_id", *KINDS,
)  # fmt: skip
"""Silver columns that the synthetic-identity pattern reads."""


@dataclass(frozen=True)
class People:
    """One row a customer (where there is none, a card), numbered from 0, and their links."""

    table: pl.DataFrame
    """entity, opened (date; null where unknown), is_commercial, transactions, merchants,
    spread (standard deviation of log amounts), first_ms."""
    links: pl.DataFrame
    """kind, value (a number), person: identifiers of 2 to `hub` people, one row a person."""
    component: Ints
    """Component of each person over all links."""


def people_of(silver: pl.DataFrame, rules: NetworkRules) -> People:
    """People among Silver rows of any order (columns IDENTITY_COLUMNS)."""
    rows = silver.select(IDENTITY_COLUMNS).with_columns(entity=pl.coalesce("customer", "card"))
    table = _people(rows)
    links = _links(rows, table, rules)
    return People(table, links, component_of(links, table.height))


def component_of(links: pl.DataFrame, people: int) -> Ints:
    """Component of each person, where everybody with an identifier is linked with its first user."""
    first = pl.col("person").min().over("kind", "value")
    both = links.select(first.alias("first"), "person")
    return components(people, zip(both["first"].to_list(), both["person"].to_list(), strict=True))


def _people(rows: pl.DataFrame) -> pl.DataFrame:
    amount = pl.col("billing_amount_minor").filter(pl.col("billing_amount_minor") > 0)
    return (
        rows.group_by("entity")
        .agg(
            opened=pl.col("account_opened").max(),
            is_commercial=(pl.col("product") == "commercial").fill_null(False).any(),
            transactions=pl.len(),
            merchants=pl.col("merchant_id").n_unique(),
            spread=amount.log().std(),
            first_ms=pl.col("event_time").min().dt.epoch("ms"),
        )
        .sort("entity")
    )


def _links(rows: pl.DataFrame, table: pl.DataFrame, rules: NetworkRules) -> pl.DataFrame:
    numbers = table.select("entity").with_row_index("person")
    parts = []
    for kind in KINDS:
        used = (
            rows.select("entity", value=kind)
            .drop_nulls()
            .unique()
            .filter(pl.len().over("value").is_between(2, rules.hub))
        )
        parts.append(used.select(pl.lit(kind).alias("kind"), "value", "entity"))
    links = pl.concat(parts).join(numbers, on="entity")
    return links.select(
        "kind",
        pl.col("value").rank("dense").cast(pl.Int64),
        pl.col("person").cast(pl.Int64),
    ).sort("kind", "value", "person")


def young(people: People, newest_day: int, rules: NetworkRules) -> Flags:
    """Whether each account was opened within `young_days` before `newest_day` (epoch days)."""
    age = newest_day - people.table["opened"].cast(pl.Int32)
    return (age <= rules.young_days).fill_null(False).to_numpy()
