"""Layers of a window's visits in which groups are looked for: all, notable ones, odd merchants'.

Camouflage and ordinary custom are thin in a layer, a group is as dense as ever.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fraudstream_platform.network.edges import Edges, Flags, edges_of
from fraudstream_platform.network.rules import NetworkRules
from fraudstream_platform.network.surprise import share_surprise
from fraudstream_platform.network.visits import Floats, Ints, Visits

_PRIOR = 5.0
"""Visits that a merchant's own share of notable ones is worth before it has any."""
_FEWEST = 3


@dataclass(frozen=True)
class Layer:
    """Some of a window's visits, and how many of all there are usual among them."""

    words: str
    """What customers of a group did here."""
    edges: Edges
    everything: Edges
    usual: Floats
    """Of each merchant's category: the share of its visits that are in the layer."""
    merchants: int
    """Merchants among which a group is chosen."""
    pair_surprise: float
    pair_lift: float
    chosen_by: str = ""
    """Reason code that says no more than the choice of the layer's visits."""

    def unshared(self, merchant: Ints, shared: Ints) -> Floats:
        """Share of the layer among a merchant's customers who are not `shared`."""
        inside = self.edges.visitors[merchant] - shared + _PRIOR * self.usual[merchant]
        found: Floats = inside / (self.everything.visitors[merchant] - shared + _PRIOR)
        return found

    def apart(self, customers: Ints) -> Floats:
        """Of each merchant: the share of the layer that is its own, not that of `customers`.

        Those of other customers; but where `customers` were chosen for their visits here, the
        others are those with few: so at least what all have, up to twice what is usual.
        """
        everybody = (self.edges.visitors + _PRIOR * self.usual) / (
            self.everything.visitors + _PRIOR
        )
        counts = []
        for one in (self.edges, self.everything):
            others = ~np.isin(one.customer, customers)
            counts.append(np.bincount(one.merchant[others], minlength=self.usual.shape[0]))
        apart = (counts[0] + _PRIOR * self.usual) / (counts[1] + _PRIOR)
        found: Floats = np.maximum(apart, np.minimum(everybody, 2 * self.usual))
        return found


def all_visits(edges: Edges, rules: NetworkRules) -> Layer:
    """Every visit."""
    ones = np.ones(edges.visitors.shape[0])
    count = int((edges.visitors >= rules.shared).sum())
    return Layer("paid", edges, edges, ones, count, rules.pair_surprise, rules.pair_lift)


def notable(
    visits: Visits, edges: Edges, rows: Flags, words: str, rules: NetworkRules, chosen_by: str = ""
) -> Layer:
    """The visits with a notable row."""
    chosen = edges_of(visits, rows)
    mcc = visits.merchants["mcc"].rank("dense").to_numpy().astype(np.int64)
    every, inside = (np.bincount(mcc, one.visitors) for one in (edges, chosen))
    overall = chosen.merchant.shape[0] / max(edges.merchant.shape[0], 1)
    usual = ((inside + _PRIOR * overall) / (every + _PRIOR))[mcc]
    count = int((edges.visitors >= rules.shared).sum())
    thresholds = rules.pair_surprise, rules.pair_lift
    return Layer(words, chosen, edges, usual, count, *thresholds, chosen_by)


def odd_merchants(
    visits: Visits, edges: Edges, kinds: tuple[Flags, ...], rules: NetworkRules
) -> Layer:
    """All visits to merchants that have far more rows of some kind than others of their category.

    What makes them odd says nothing of who shares them, so that a group is chosen among few.
    """
    merchant = visits.rows["merchant"].to_numpy()
    size = edges.visitors.shape[0]
    mcc = visits.merchants["mcc"].rank("dense").to_numpy().astype(np.int64)
    rows = np.bincount(merchant, minlength=size)
    of_category = np.bincount(mcc, rows)
    odd = np.zeros(size, np.bool_)
    for kind in kinds:
        hits = np.bincount(merchant[kind], minlength=size)
        others = np.bincount(mcc, hits)[mcc] - hits
        overall = float(hits.sum()) / max(float(rows.sum()), 1.0)
        base = (others + _PRIOR * overall) / (of_category[mcc] - rows + _PRIOR)
        for one in np.flatnonzero(hits >= _FEWEST).tolist():
            odd[one] |= share_surprise(hits[one], rows[one], base[one]) >= rules.corroboration
    ones = np.ones(size)
    chosen = edges.chosen(odd[edges.merchant])
    return Layer("paid", chosen, edges, ones, int(odd.sum()), rules.odd_surprise, rules.odd_lift)
