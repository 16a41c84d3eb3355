"""How surprising it is that so many customers visited so many sites of one group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fraudstream_platform.network.blocks import Block, site_matrix
from fraudstream_platform.network.layers import Layer
from fraudstream_platform.network.null import Null
from fraudstream_platform.network.surprise import log10_choices, poisson_surprise_of
from fraudstream_platform.network.visits import Floats

_MOST_SITES = 4


@dataclass(frozen=True)
class Sharing:
    """The most surprising of: at least 2, 3 or 4 sites."""

    sites: int
    customers: int
    expected: float
    """Customers of that many sites if each went by chance where people of the area go."""
    surprise: float
    given_away: float
    """log10 of the number of groups of sites that could have been looked at."""


def sharing_of(null: Null, layer: Layer, block: Block) -> Sharing:
    """All customers are counted, not the block's alone: those were chosen for their visits.

    A customer's chance to visit a site grows with the merchants visited at all, and with the site's
    share of the visits by people of the same area; the chance that the visit is in the layer is what
    it is for the site's other customers.
    """
    counts = site_matrix(layer.edges.matrix(block.merchants)[1], block.sites).sum(axis=1)
    tails = _expected(null, layer, block)
    best = Sharing(2, 0, 0.0, 0.0, log10_choices(layer.merchants, block.site_count))
    for least in range(2, min(_MOST_SITES, block.site_count) + 1):
        seen, expected = int((counts >= least).sum()), float(tails[least])
        surprise = poisson_surprise_of(seen, expected)
        if surprise > best.surprise:
            best = Sharing(least, seen, expected, surprise, best.given_away)
    return best


def _expected(null: Null, layer: Layer, block: Block) -> Floats:
    """Customers of at least 0, 1, 2 … sites, where the site of most growth may have grown.

    People of one home area who visited equally many merchants have the same chances.
    """
    edges = null.edges
    shops = edges.degrees > 1
    most = int(edges.degrees.max(initial=0)) + 1
    kinds, people = np.unique(edges.homes[shops] * most + edges.degrees[shops], return_counts=True)
    left, right = np.triu_indices(block.merchants.shape[0], 1)
    usual = float(null.usual(block.merchants[left], block.merchants[right]).mean())
    weight = (kinds % most)[:, None] * np.sqrt(usual)
    own = layer.apart(block.customers)[block.merchants][:, None]
    now, before = (
        1 - np.exp(-_by_site(shares * own, block)[:, kinds // most].T * weight)
        for shares in (null.shares(block.merchants), null.shares_before(block.merchants))
    )
    expected: Floats = _tails(before) @ people
    for site in range(block.site_count):
        grown = before.copy()
        grown[:, site] = now[:, site]
        expected = np.maximum(expected, _tails(grown) @ people)
    return expected


def _by_site(shares: Floats, block: Block) -> Floats:
    found: Floats = np.zeros((block.site_count, shares.shape[1]))
    np.add.at(found, block.sites, shares)
    return found


def _tails(chances: Floats) -> Floats:
    """Chance of at least 0, 1, 2 … sites, a column for each kind of customer."""
    kinds, sites = chances.shape
    exactly = np.zeros((sites + 1, kinds))
    exactly[0] = 1.0
    for site in range(sites):
        p = chances[:, site]
        exactly[1:] = exactly[1:] * (1 - p) + exactly[:-1] * p
        exactly[0] *= 1 - p
    found: Floats = exactly[::-1].cumsum(axis=0)[::-1]
    return found
