"""Pairs of merchants that share more customers than area, category, hour and habit explain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from fraudstream_platform.network.counting import shared_customers
from fraudstream_platform.network.edges import Flags
from fraudstream_platform.network.layers import Layer
from fraudstream_platform.network.null import Null
from fraudstream_platform.network.rules import NetworkRules
from fraudstream_platform.network.surprise import poisson_surprise
from fraudstream_platform.network.visits import Floats, Ints, Visits

_MOST_PAIRS = 20_000
_KM_PER_DEGREE = 111.2
_PLACE_KM = 0.3


@dataclass(frozen=True)
class Pairs:
    """Pairs a < b of merchants, the most surprising first."""

    a: Ints
    b: Ints
    shared: Ints
    expected: Floats
    surprise: Floats


def surprising_pairs(visits: Visits, null: Null, layer: Layer, rules: NetworkRules) -> Pairs:
    """Pairs beyond the null in a layer, neither neighbours nor kin.

    A visit in the layer is expected as often as a visit, times the share that each of the two
    merchants has of the layer among its customers who are not shared.
    """
    edges = layer.edges
    a, b, shared = shared_customers(edges.chosen(edges.visitors[edges.merchant] >= rules.shared))
    enough = shared >= rules.shared
    a, b, shared = a[enough], b[enough], shared[enough]
    expected = null.shared(a, b) * layer.unshared(a, shared) * layer.unshared(b, shared)
    surprise = poisson_surprise(shared.astype(np.float64), expected)
    chosen = np.flatnonzero(
        (shared >= layer.pair_lift * expected) & (surprise >= layer.pair_surprise)
    )
    chosen = chosen[np.lexsort((b[chosen], a[chosen], -surprise[chosen]))]
    chosen = chosen[~same_site(visits, a[chosen], b[chosen])][:_MOST_PAIRS]
    return Pairs(a[chosen], b[chosen], shared[chosen], expected[chosen], surprise[chosen])


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
