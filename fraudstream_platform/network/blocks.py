"""Dense blocks: groups of merchants grown from surprising pairs, peeled against camouflage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fraudstream_platform.network.components import components
from fraudstream_platform.network.layers import Layer
from fraudstream_platform.network.pairs import Pairs, same_site
from fraudstream_platform.network.visits import Floats, Ints, Visits

_MOST_MERCHANTS = 12
_MOST_SEEDS = 60
_ADJACENT = 0.5
"""Share of a group's merchants with which a further one must be paired."""
_DISCOUNT = 5.0


@dataclass(frozen=True)
class Block:
    """Merchants and the customers that are dense among them."""

    merchants: Ints
    customers: Ints
    sites: Ints
    """Site of each merchant: merchants of one place or chain have the same one."""

    @property
    def site_count(self) -> int:
        """How many sites there are."""
        return len(set(self.sites.tolist()))


def blocks_of(visits: Visits, layer: Layer, pairs: Pairs) -> Iterator[Block]:
    """Blocks of the layer around its most surprising pairs; merchants of a block seed no other."""
    partners: dict[int, dict[int, float]] = defaultdict(dict)
    for a, b, surprise in zip(
        pairs.a.tolist(), pairs.b.tolist(), pairs.surprise.tolist(), strict=True
    ):
        partners[a][b] = partners[b][a] = surprise
    used: set[int] = set()
    seeds = 0
    for a, b in zip(pairs.a.tolist(), pairs.b.tolist(), strict=True):
        if a in used or b in used:
            continue
        seeds += 1
        if seeds > _MOST_SEEDS:
            return
        block = _peeled(visits, layer, _grown(partners, a, b))
        used.update((a, b), block.merchants.tolist())
        yield block


def _grown(partners: dict[int, dict[int, float]], a: int, b: int) -> Ints:
    """The pair and, one after the other, what is paired most surprisingly with those there."""
    group = [a, b]
    while len(group) < _MOST_MERCHANTS:
        pull: dict[int, list[float]] = defaultdict(list)
        for member in group:
            for partner, surprise in partners[member].items():
                pull[partner].append(surprise)
        fitting = [
            (sum(found), partner)
            for partner, found in pull.items()
            if partner not in group and len(found) >= _ADJACENT * len(group)
        ]
        if not fitting:
            break
        group.append(max(fitting)[1])
    return np.array(sorted(group), np.int64)


def sites_of(visits: Visits, merchants: Ints) -> Ints:
    """Site of each merchant, numbered from 0."""
    count = merchants.shape[0]
    left, right = np.triu_indices(count, 1)
    related = same_site(visits, merchants[left], merchants[right])
    links = zip(left[related].tolist(), right[related].tolist(), strict=True)
    found: Ints = np.unique(components(count, links), return_inverse=True)[1].astype(np.int64)
    return found


def _peeled(visits: Visits, layer: Layer, merchants: Ints) -> Block:
    """The densest of the merchants, and the customers who visited two of their sites or more.

    Greedy peeling with column weights 1 / log(c + customers of the merchant), so that visits to
    popular merchants, which are what camouflage is made of, weigh little (FRAUDAR, Hooi et al.,
    KDD 2016, section 4).
    """
    sites = sites_of(visits, merchants)
    customers, visited = layer.edges.matrix(merchants)
    several = site_matrix(visited, sites).sum(axis=1) >= 2
    customers, visited = customers[several], visited[several]
    weights = visited / np.log(_DISCOUNT + layer.everything.visitors[merchants])
    kept = _densest(weights)
    several = site_matrix(visited[:, kept], sites[kept]).sum(axis=1) >= 2
    return Block(
        merchants[kept], customers[several], np.unique(sites[kept], return_inverse=True)[1]
    )


def site_matrix(visited: Floats, sites: Ints) -> Floats:
    """Whether each customer visited each site."""
    count = int(sites.max(initial=-1)) + 1
    found = np.zeros((visited.shape[0], count))
    for column, site in enumerate(sites.tolist()):
        found[:, site] = np.maximum(found[:, site], visited[:, column])
    return found


def _densest(weights: Floats) -> Ints:
    """Columns of the part whose weight per row and column is greatest along the greedy peeling."""
    weights = weights.copy()
    rows, columns = weights.shape
    of_row, of_column = weights.sum(axis=1), weights.sum(axis=0)
    total, best, best_step = float(weights.sum()), -1.0, 0
    removed: list[int] = []
    for step in range(rows + columns):
        density = total / (rows + columns - step)
        if density > best:
            best, best_step = density, step
        row = int(of_row.argmin()) if rows else -1
        column = int(of_column.argmin())
        if rows and of_row[row] <= of_column[column]:
            total -= of_row[row]
            of_column -= weights[row]
            of_row[row], weights[row] = np.inf, 0.0
            removed.append(row)
        else:
            total -= of_column[column]
            of_row -= weights[:, column]
            of_column[column], weights[:, column] = np.inf, 0.0
            removed.append(rows + column)
    gone = set(removed[:best_step])
    return np.array([c for c in range(columns) if rows + c not in gone], np.int64)
