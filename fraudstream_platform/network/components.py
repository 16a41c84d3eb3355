"""Connected components by union-find."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def components(nodes: int, links: Iterable[tuple[int, int]]) -> NDArray[np.int64]:
    """Component of each node 0..nodes-1: the smallest node of it."""
    parent = list(range(nodes))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]  # halves the path, so that later steps are short
            node = parent[node]
        return node

    for one, other in links:
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    return np.fromiter((root(node) for node in range(nodes)), np.int64, nodes)
