"""Counting the customers that pairs of merchants share."""

from __future__ import annotations

import numpy as np

from fraudstream_platform.network.edges import Edges, edges_from
from fraudstream_platform.network.visits import Ints

MOST_MERCHANTS = 30
"""A customer's merchants that are paired: the least visited, since a popular one tells nothing."""
_KEPT_AT_ONCE = 4_000_000


def shared_customers(edges: Edges) -> tuple[Ints, Ints, Ints]:
    """Every pair a < b of merchants with a customer in common, and how many they share."""
    few = _at_most(edges)
    size, customer, merchant = few.visitors.shape[0], few.customer, few.merchant
    keys, times = np.empty(0, np.int64), np.empty(0, np.int64)
    waiting: list[Ints] = []
    for step in range(1, MOST_MERCHANTS):  # a customer's merchants stand together, sorted
        start = np.flatnonzero(customer[:-step] == customer[step:])
        if not start.shape[0]:
            break
        waiting.append(merchant[start] * size + merchant[start + step])
        if sum(part.shape[0] for part in waiting) > _KEPT_AT_ONCE:
            keys, times = _counted(keys, times, waiting)
            waiting = []
    keys, times = _counted(keys, times, waiting)
    return keys // max(size, 1), keys % max(size, 1), times


def _at_most(edges: Edges) -> Edges:
    """At most MOST_MERCHANTS of each customer."""
    if int(edges.degrees.max(initial=0)) <= MOST_MERCHANTS:
        return edges
    order = np.lexsort((edges.merchant, edges.visitors[edges.merchant], edges.customer))
    customer, merchant = edges.customer[order], edges.merchant[order]
    first = np.searchsorted(customer, customer, side="left")
    few = np.arange(customer.shape[0]) - first < MOST_MERCHANTS
    customer, merchant = customer[few], merchant[few]
    order = np.lexsort((merchant, customer))
    return edges_from(customer[order], merchant[order], edges)


def _counted(keys: Ints, times: Ints, waiting: list[Ints]) -> tuple[Ints, Ints]:
    """Counted keys, with those that are waiting."""
    if not waiting:
        return keys, times
    more, counts = np.unique(np.concatenate(waiting), return_counts=True)
    found, place = np.unique(np.concatenate([keys, more]), return_inverse=True)
    return found, np.bincount(place, np.concatenate([times, counts])).astype(np.int64)
