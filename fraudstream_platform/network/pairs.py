"""Pairs of merchants that share more customers than area, category, hour and habit explain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from fraudstream_platform.network.counting import shared_customers
from fraudstream_platform.network.edges import Edges, Flags
from fraudstream_platform.network.null import Null
from fraudstream_platform.network.rules import NetworkRules
from fraudstream_platform.network.surprise import poisson_surprise
from fraudstream_platform.network.visits import Floats, Ints, Visits

_MOST_PAIRS = 20_000
_KM_PER_DEGREE = 111.2
_PLACE_KM = 0.3
_PRIOR = 5.0
"""Visits that a merchant's own share of notable ones is worth before it has any."""


@dataclass(frozen=True)
class Pairs:
    """Pairs a < b of merchants, the most surprising first."""

    a: Ints
    b: Ints
    shared: Ints
    expected: Floats
    surprise: Floats


def surprising_pairs(visits: Visits, null: Null, layer: Edges, rules: NetworkRules) -> Pairs:
    """Pairs beyond the null in a layer of notable visits (or in all), neither neighbours nor kin.

    A notable visit is expected as often as a visit, times the share of notable ones that each of
    the two merchants has among its customers who are not shared.
    """
    rare = layer.chosen(layer.visitors[layer.merchant] >= rules.shared)
    a, b, shared = shared_customers(rare)
    enough = shared >= rules.shared
    a, b, shared = a[enough], b[enough], shared[enough]
    expected = null.shared(a, b)
    usual = notable_share(null.edges, layer, visits)
    for merchant in (a, b):
        notable = layer.visitors[merchant] - shared + _PRIOR * usual[merchant]
        expected *= notable / (null.edges.visitors[merchant] - shared + _PRIOR)
    surprise = poisson_surprise(shared.astype(np.float64), expected)
    chosen = np.flatnonzero(
        (shared >= rules.pair_lift * expected) & (surprise >= rules.pair_surprise)
    )
    chosen = chosen[np.lexsort((b[chosen], a[chosen], -surprise[chosen]))]
    chosen = chosen[~same_site(visits, a[chosen], b[chosen])][:_MOST_PAIRS]
    return Pairs(a[chosen], b[chosen], shared[chosen], expected[chosen], surprise[chosen])


def notable_share(edges: Edges, layer: Edges, visits: Visits) -> Floats:
    """Of each merchant's category: how many of its visits are in the layer."""
    mcc = visits.merchants["mcc"].rank("dense").to_numpy().astype(np.int64)
    every = np.bincount(mcc, edges.visitors)
    notable = np.bincount(mcc, layer.visitors)
    overall = layer.merchant.shape[0] / max(edges.merchant.shape[0], 1)
    share: Floats = ((notable + _PRIOR * overall) / (every + _PRIOR))[mcc]
    return share


def notable_apart(edges: Edges, layer: Edges, visits: Visits, customers: Ints) -> Floats:
    """Of each merchant: the share of notable visits that is its own, not that of `customers`.

    Those of other customers; but where `customers` were chosen for notable visits, the others are
    those with few: so at least what all have, up to twice what is usual in the category.
    """
    usual = notable_share(edges, layer, visits)
    everybody = (layer.visitors + _PRIOR * usual) / (edges.visitors + _PRIOR)
    counts = []
    for one in (layer, edges):
        others = ~np.isin(one.customer, customers)
        counts.append(np.bincount(one.merchant[others], minlength=usual.shape[0]))
    apart = (counts[0] + _PRIOR * usual) / (counts[1] + _PRIOR)
    found: Floats = np.maximum(apart, np.minimum(everybody, 2 * usual))
    return found


def same_site(visits: Visits, a: Ints, b: Ints) -> Flags:
    """Whether merchants stand within 300 m of each other, or belong to one chain or platform."""
    table = visits.merchants
    group = table["group"].rank("dense").fill_null(0).to_numpy().astype(np.int64)
    latitude, longitude = (
        table[name].cast(pl.Float64).to_numpy() for name in ("latitude", "longitude")
    )
    north = (latitude[a] - latitude[b]) * _KM_PER_DEGREE
    shrink = np.cos(np.radians((latitude[a] + latitude[b]) / 2))
    east = (longitude[a] - longitude[b]) * _KM_PER_DEGREE * shrink
    is_near = np.hypot(north, east) <= _PLACE_KM  # false where a place is not known
    found: Flags = is_near | ((group[a] == group[b]) & (group[a] > 0))
    return found
