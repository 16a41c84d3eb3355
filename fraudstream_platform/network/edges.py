"""Who visited whom, once each: the bipartite graph of a window, and layers of notable visits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fraudstream_platform.network.visits import Floats, Ints, Visits

Flags = NDArray[np.bool_]

_ROUND_MINOR = 1_000
_ABOVE = 0.693
"""log of the ratio to the usual amount: twice."""
_ENOUGH = 20
_KNOWN_AMOUNTS = 8


@dataclass(frozen=True)
class Edges:
    """Distinct customer-merchant pairs, sorted by customer, then merchant."""

    customer: Ints
    merchant: Ints
    degrees: Ints
    """Merchants of each customer."""
    visitors: Ints
    """Customers of each merchant."""
    homes: Ints
    """Home area of each customer."""

    @property
    def areas(self) -> int:
        """How many home areas there are."""
        return int(self.homes.max(initial=-1)) + 1

    def by_area(self, merchants: Ints) -> Floats:
        """Customers of each of `merchants` (a row each) by home area."""
        place = np.full(self.visitors.shape[0], -1, np.int64)
        place[merchants] = np.arange(merchants.shape[0])
        row = place[self.merchant]
        known = row >= 0
        keys = row[known] * self.areas + self.homes[self.customer[known]]
        counts = np.bincount(keys, minlength=merchants.shape[0] * self.areas)
        return counts.reshape(merchants.shape[0], self.areas).astype(np.float64)

    def matrix(self, merchants: Ints) -> tuple[Ints, Floats]:
        """Customers of any of `merchants`, and whether (1.0 or 0.0) each visited each of them."""
        place = np.full(self.visitors.shape[0], -1, np.int64)
        place[merchants] = np.arange(merchants.shape[0])
        column = place[self.merchant]
        known = column >= 0
        customers, row = np.unique(self.customer[known], return_inverse=True)
        visited = np.zeros((customers.shape[0], merchants.shape[0]))
        visited[row, column[known]] = 1.0
        return customers, visited

    def chosen(self, kept: Flags) -> Edges:
        """Some of the edges, counted anew."""
        return edges_from(self.customer[kept], self.merchant[kept], self)


def edges_of(visits: Visits, rows: Flags | None = None) -> Edges:
    """Edges of the visits, or of some of their rows."""
    size = max(1, visits.merchants.height)
    customer, merchant = (visits.rows[name].to_numpy() for name in ("customer", "merchant"))
    if rows is not None:
        customer, merchant = customer[rows], merchant[rows]
    keys = np.unique(customer * size + merchant)
    empty = np.empty(0, np.int64)
    people = np.zeros(len(visits.customers), np.int64)
    like = Edges(empty, empty, people, np.zeros(visits.merchants.height, np.int64), visits.homes)
    return edges_from(keys // size, keys % size, like)


def edges_from(customer: Ints, merchant: Ints, like: Edges) -> Edges:
    """Distinct sorted pairs with their counts; numbers and homes as in `like`."""
    degrees = np.bincount(customer, minlength=like.degrees.shape[0]).astype(np.int64)
    visitors = np.bincount(merchant, minlength=like.visitors.shape[0]).astype(np.int64)
    return Edges(customer, merchant, degrees, visitors, like.homes)


def is_round(visits: Visits) -> Flags:
    """Purchases of whole tens of their currency."""
    round_sum = (pl.col("amount") % _ROUND_MINOR == 0) & (pl.col("amount") > 0)
    found: Flags = visits.rows.select(round_sum & ~pl.col("is_refund")).to_series().to_numpy()
    return found


def is_above(visits: Visits, log_ratio: Floats) -> Flags:
    """Purchases of more than twice what is usual, for customers of whom that is known.

    `log_ratio` is what `log_ratios` gives.
    """
    customer = visits.rows["customer"].to_numpy()
    is_known = np.bincount(customer, minlength=1)[customer] >= _KNOWN_AMOUNTS
    found: Flags = (log_ratio > _ABOVE) & is_known & ~visits.rows["is_refund"].to_numpy()
    return found


def log_ratios(visits: Visits) -> Floats:
    """log of each amount over the usual one, of the home area, the category and the customer.

    An area has money of its own, and some people always pay more than others.
    """
    homes = pl.Series("home", visits.homes).gather(visits.rows["customer"])
    mcc = visits.merchants["mcc"].gather(visits.rows["merchant"])
    logs = visits.rows["billing"].clip(lower_bound=1).log()
    customer = visits.rows["customer"]
    table = pl.DataFrame({"home": homes, "mcc": mcc, "customer": customer, "log": logs})
    for level, enough in (("home", 1), ("mcc", _ENOUGH), ("customer", _KNOWN_AMOUNTS)):
        usual = pl.col("log").median().over(level)
        counted = pl.when(pl.len().over(level) >= enough).then(usual).otherwise(0.0)
        table = table.with_columns(log=pl.col("log") - counted)
    found: Floats = table["log"].to_numpy()
    return found
