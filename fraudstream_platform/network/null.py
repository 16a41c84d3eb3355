"""What sharing is usual: the null against which pairs and groups of merchants are held.

Customers of a home area fall on merchants as often as they were seen to shop and as people of the
area visit each merchant, whoever goes where (a configuration model). Where it is known how they did
before the window, that counts: in a small place a group would else make itself usual. What pairs
of two categories and main hours share beyond that on the whole (lunch places do) is usual too.
"""

from __future__ import annotations

import numpy as np

from fraudstream_platform.network.counting import shared_customers
from fraudstream_platform.network.edges import Edges
from fraudstream_platform.network.visits import CLASSES, Floats, Ints

_MOST_SAMPLED = 5_000
_ENOUGH_EXPECTED = 20.0
_ENOUGH_BEFORE = 2.0
"""Visits before a window, for each visit in it, from which they say what is usual."""
_PRIOR = 20.0
"""Visits of an area that the share of a merchant among all areas is worth."""
_CHUNK = 100_000


class Null:
    """Expectations of one window."""

    def __init__(self, edges: Edges, classes: Ints, before: Edges) -> None:
        """`edges`: all visits of the window; `classes`: category by main hours of each merchant."""
        self.edges = edges
        self._classes = classes
        is_known = before.merchant.shape[0] >= _ENOUGH_BEFORE * edges.merchant.shape[0]
        self._before = before if is_known else None
        self._ratio = _class_ratios(edges, classes)

    def shares(self, merchants: Ints) -> Floats:
        """Share of each merchant (a row) in the visits by people of each home area, in the window."""
        return _shares(self.edges, merchants)

    def shares_before(self, merchants: Ints) -> Floats:
        """The same before the window; in it, where little is known of before."""
        before = self._before
        if before is None:
            return self.shares(merchants)
        total = before.merchant.shape[0] + before.visitors.shape[0]
        anywhere = (before.visitors[merchants] + 1) / total
        of_area = _visits_by_area(before)
        counted = before.by_area(merchants) + _PRIOR * anywhere[:, None]
        found: Floats = counted / (of_area + _PRIOR)
        return found

    def shared(self, a: Ints, b: Ints) -> Floats:
        """Customers that each pair of merchants shares by chance.

        One of the two may have grown since (a new shop shares customers with every other one): that
        both have, and by the same customers, is what must not explain itself.
        """
        merchants = np.unique(np.concatenate([a, b]))
        row_a, row_b = np.searchsorted(merchants, a), np.searchsorted(merchants, b)
        now, before = self.shares(merchants), self.shares_before(merchants)
        ordered = _ordered(self.edges)
        expected = np.maximum(
            _by_area(now, before, ordered, row_a, row_b),
            _by_area(before, now, ordered, row_a, row_b),
        )
        found: Floats = expected * self.usual(a, b)
        return found

    def usual(self, a: Ints, b: Ints) -> Floats:
        """How much more pairs of such categories and hours share than areas explain, at least 1."""
        found: Floats = self._ratio[self._classes[a], self._classes[b]]
        return found


def _by_area(one: Floats, other: Floats, ordered: Floats, row_a: Ints, row_b: Ints) -> Floats:
    expected = np.empty(row_a.shape[0])
    for start in range(0, row_a.shape[0], _CHUNK):
        part = slice(start, start + _CHUNK)
        expected[part] = np.einsum("ph,ph,h->p", one[row_a[part]], other[row_b[part]], ordered)
    return expected


def _visits_by_area(edges: Edges) -> Floats:
    degrees = edges.degrees.astype(np.float64)
    return np.bincount(edges.homes, degrees, minlength=edges.areas).astype(np.float64)


def _shares(edges: Edges, merchants: Ints) -> Floats:
    found: Floats = edges.by_area(merchants) / np.maximum(_visits_by_area(edges), 1)
    return found


def _ordered(edges: Edges) -> Floats:
    """Ordered pairs of merchants of one customer, by home area."""
    degrees = edges.degrees.astype(np.float64)
    pairs = degrees * (degrees - 1)
    return np.bincount(edges.homes, pairs, minlength=edges.areas).astype(np.float64)


def _class_ratios(edges: Edges, classes: Ints) -> Floats:
    """Pairs seen over pairs expected, by both merchants' classes; from a sample of the customers."""
    step = -(-int((edges.degrees > 0).sum()) // _MOST_SAMPLED) or 1
    sample = edges.chosen(edges.customer % step == 0)
    a, b, shared = shared_customers(sample)
    merchants = np.flatnonzero(sample.visitors > 0)
    shares, ordered = _shares(sample, merchants), _ordered(sample)
    # A group under suspicion must not make itself usual: what one pair adds is bounded.
    row_a, row_b = np.searchsorted(merchants, a), np.searchsorted(merchants, b)
    seen = np.minimum(shared, 5 * _by_area(shares, shares, ordered, row_a, row_b) + 2)
    low, high = np.minimum(classes[a], classes[b]), np.maximum(classes[a], classes[b])
    pairs = np.bincount(low * CLASSES + high, seen, minlength=CLASSES**2).reshape(CLASSES, CLASSES)
    expected = np.triu(_expected_by_class(shares, ordered, classes[merchants]))
    overall = pairs.sum() / max(float(expected.sum()), _ENOUGH_EXPECTED)
    ratio = np.full((CLASSES, CLASSES), overall)
    np.divide(pairs, expected, out=ratio, where=expected >= _ENOUGH_EXPECTED)
    ratio = np.triu(ratio) + np.triu(ratio, 1).T
    found: Floats = np.maximum(ratio, 1.0)
    return found


def _expected_by_class(shares: Floats, ordered: Floats, classes: Ints) -> Floats:
    """Sum over the pairs of two classes of the customers that each shares by chance."""
    by_class = np.zeros((CLASSES, shares.shape[1]))
    np.add.at(by_class, classes, shares)
    found: Floats = np.einsum("xh,yh,h->xy", by_class, by_class, ordered)
    own = np.bincount(classes, (shares**2) @ ordered, minlength=CLASSES)
    found[np.diag_indices(CLASSES)] = (found.diagonal() - own) / 2
    return found
