"""What sharing is usual: the null against which pairs and groups of merchants are held.

Customers of a home area fall on merchants as often as they were seen to shop and as the merchants
were seen to be visited, whoever goes where (a configuration model). What pairs of two categories
and main hours share beyond that on the whole (lunch places do) is usual too.
"""

from __future__ import annotations

import numpy as np

from fraudstream_platform.network.counting import shared_customers
from fraudstream_platform.network.edges import Edges
from fraudstream_platform.network.visits import CLASSES, Floats, Ints

_MOST_SAMPLED = 5_000
_ENOUGH_EXPECTED = 20.0
_CHUNK = 100_000


class Null:
    """Expectations of one window, from all its visits."""

    def __init__(self, edges: Edges, classes: Ints) -> None:
        """`classes`: category by main hours of each merchant."""
        self.edges = edges
        self._classes = classes
        self._factor = _area_factors(edges)
        self._ratio = _class_ratios(edges, classes)

    def shared(self, a: Ints, b: Ints) -> Floats:
        """Customers that each pair of merchants shares by chance."""
        expected = _by_area(self.edges, self._factor, a, b)
        return expected * self.usual(a, b)

    def usual(self, a: Ints, b: Ints) -> Floats:
        """How much more pairs of such categories and hours share than areas explain, at least 1."""
        found: Floats = self._ratio[self._classes[a], self._classes[b]]
        return found


def _by_area(edges: Edges, factor: Floats, a: Ints, b: Ints) -> Floats:
    merchants = np.unique(np.concatenate([a, b]))
    counts = edges.by_area(merchants)
    row_a, row_b = np.searchsorted(merchants, a), np.searchsorted(merchants, b)
    expected = np.empty(a.shape[0])
    for start in range(0, a.shape[0], _CHUNK):
        part = slice(start, start + _CHUNK)
        expected[part] = np.einsum("ph,ph,h->p", counts[row_a[part]], counts[row_b[part]], factor)
    return expected


def _area_factors(edges: Edges) -> Floats:
    """Sum of d (d - 1) over the square of the sum of d, by home area; d: merchants of a customer."""
    degrees = edges.degrees.astype(np.float64)
    total = np.bincount(edges.homes, degrees, minlength=edges.areas)
    ordered = np.bincount(edges.homes, degrees * (degrees - 1), minlength=edges.areas)
    found: Floats = np.divide(ordered, total**2, out=np.zeros_like(total), where=total > 0)
    return found


def _class_ratios(edges: Edges, classes: Ints) -> Floats:
    """Pairs seen over pairs expected, by both merchants' classes; from a sample of the customers."""
    step = -(-int((edges.degrees > 0).sum()) // _MOST_SAMPLED) or 1
    sample = edges.chosen(edges.customer % step == 0)
    a, b, shared = shared_customers(sample)
    factor = _area_factors(sample)
    # A group under suspicion must not make itself usual: what one pair adds is bounded.
    seen = np.minimum(shared, 5 * _by_area(sample, factor, a, b) + 2)
    low, high = np.minimum(classes[a], classes[b]), np.maximum(classes[a], classes[b])
    pairs = np.bincount(low * CLASSES + high, seen, minlength=CLASSES**2).reshape(CLASSES, CLASSES)
    expected = np.triu(_expected_by_class(sample, classes, factor))
    overall = pairs.sum() / max(float(expected.sum()), _ENOUGH_EXPECTED)
    ratio = np.full((CLASSES, CLASSES), overall)
    np.divide(pairs, expected, out=ratio, where=expected >= _ENOUGH_EXPECTED)
    ratio = np.triu(ratio) + np.triu(ratio, 1).T
    found: Floats = np.maximum(ratio, 1.0)
    return found


def _expected_by_class(edges: Edges, classes: Ints, factor: Floats) -> Floats:
    """Sum over the pairs of two classes of the customers that each shares by chance."""
    merchants = np.flatnonzero(edges.visitors > 0)
    counts = edges.by_area(merchants)
    by_class = np.zeros((CLASSES, edges.areas))
    np.add.at(by_class, classes[merchants], counts)
    found: Floats = np.einsum("xh,yh,h->xy", by_class, by_class, factor)
    own = np.bincount(classes[merchants], (counts**2) @ factor, minlength=CLASSES)
    found[np.diag_indices(CLASSES)] = (found.diagonal() - own) / 2
    return found
