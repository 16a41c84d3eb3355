"""The parts of the network patterns: components, surprise, counting, the null, findings."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream_platform.network.components import components
from fraudstream_platform.network.counting import shared_customers
from fraudstream_platform.network.edges import Edges, edges_from
from fraudstream_platform.network.findings import Finding, strongest_of_each_group
from fraudstream_platform.network.null import Null
from fraudstream_platform.network.surprise import (
    log10_choices,
    poisson_surprise_of,
    share_surprise,
)

_EMPTY = np.empty(0, np.int64)


def graph(pairs: set[tuple[int, int]], customers: int, merchants: int) -> Edges:
    ordered = np.array(sorted(pairs), np.int64).reshape(-1, 2)
    zeros = np.zeros(customers, np.int64)
    like = Edges(_EMPTY, _EMPTY, zeros, np.zeros(merchants, np.int64), zeros)
    return edges_from(ordered[:, 0], ordered[:, 1], like)


def finding(members: tuple[str, ...], score: int = 700) -> Finding:
    return Finding("merchant_collusion", members, score, (), (0, 1), 100)


links = st.lists(st.tuples(st.integers(0, 14), st.integers(0, 14)), max_size=20)


@given(links)
def test_components_agree_with_a_search(pairs: list[tuple[int, int]]) -> None:
    """Guards against components that a link joins and union-find does not, or the other way."""
    near: dict[int, set[int]] = {node: {node} for node in range(15)}
    for _ in range(15):
        for one, other in pairs:
            near[one] = near[other] = near[one] | near[other]
            for node in near[one]:
                near[node] = near[one]
    assert components(15, pairs).tolist() == [min(near[node]) for node in range(15)]


@given(st.sets(st.tuples(st.integers(0, 9), st.integers(0, 7)), max_size=50))
def test_shared_customers_agree_with_counting_by_hand(pairs: set[tuple[int, int]]) -> None:
    """Guards against pairs that the sorted arrays miss."""
    expected = Counter(
        pair
        for customer in range(10)
        for pair in combinations(sorted(m for c, m in pairs if c == customer), 2)
    )
    a, b, times = shared_customers(graph(pairs, 10, 8))
    assert (
        dict(zip(zip(a.tolist(), b.tolist(), strict=True), times.tolist(), strict=True)) == expected
    )


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_the_null_expects_what_chance_brings(seed: int) -> None:
    """Guards against a null that is too generous or too strict: all pairs together agree with it."""
    rng = np.random.default_rng(seed)
    popularity = rng.pareto(1.5, 30) + 1
    pairs = {
        (customer, int(merchant))
        for customer in range(300)
        for merchant in rng.choice(30, rng.integers(1, 9), p=popularity / popularity.sum())
    }
    edges = graph(pairs, 300, 30)
    seen = shared_customers(edges)[2]
    everything = np.array(list(combinations(range(30), 2)))
    none = graph(set(), 300, 30)
    null = Null(edges, np.zeros(30, np.int64), none)
    expected = null.shared(everything[:, 0], everything[:, 1])
    assert 0.7 < expected.sum() / seen.sum() < 1.5


@pytest.mark.parametrize(("seen", "mean"), [(5, 1.0), (12, 3.0), (40, 10.0)])
def test_poisson_surprise_never_says_too_much(seen: int, mean: float) -> None:
    """Guards against a bound that is none: the exact tail is at least as likely."""
    terms = (math.exp(-mean + k * math.log(mean) - math.lgamma(k + 1)) for k in range(seen, 400))
    exact = -math.log10(math.fsum(terms))
    assert exact - 1.5 < poisson_surprise_of(seen, mean) <= exact


@pytest.mark.parametrize(("hits", "trials", "base"), [(9, 10, 0.3), (30, 60, 0.1)])
def test_share_surprise_never_says_too_much(hits: int, trials: int, base: float) -> None:
    """Guards against a bound that is none."""
    tail = math.fsum(
        math.comb(trials, k) * base**k * (1 - base) ** (trials - k) for k in range(hits, trials + 1)
    )
    assert -math.log10(tail) - 1.5 < share_surprise(hits, trials, base) <= -math.log10(tail)


def test_what_is_usual_is_no_surprise() -> None:
    """Guards against evidence from nothing."""
    assert poisson_surprise_of(3, 3.0) == poisson_surprise_of(0, 5.0) == 0.0
    assert share_surprise(1, 10, 0.5) == share_surprise(0, 0, 0.5) == 0.0


def test_choices_are_binomials() -> None:
    """Guards against a correction of the wrong size."""
    assert log10_choices(50, 5) == pytest.approx(math.log10(math.comb(50, 5)))
    assert log10_choices(3, 5) == 0.0


def test_a_group_that_grew_is_the_same_group() -> None:
    """Guards against one alert for every member that joins."""
    old = finding(("A", "B", "C"))
    assert finding(("A", "B", "C", "D", "E", "F")).is_same_group(old.pattern, old.members)
    assert not finding(("A", "D", "E")).is_same_group(old.pattern, old.members)
    assert not old.is_same_group("synthetic_identity", old.members)


def test_a_group_found_in_two_windows_is_kept_once() -> None:
    """Guards against an alert for each window."""
    weak, strong, other = finding(("A", "B", "C")), finding(("A", "B", "D"), 900), finding(("X",))
    assert strongest_of_each_group([weak, strong, other]) == [strong, other]


def test_the_key_names_pattern_and_members() -> None:
    """Guards against two groups under one key, or one under two."""
    assert finding(("A", "B")).key == finding(("A", "B"), 900).key
    assert finding(("A", "B")).key != finding(("A", "C")).key
