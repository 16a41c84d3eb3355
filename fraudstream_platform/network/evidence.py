"""What speaks against a group beside its shared customers: each kind a surprise with a reason.

Food courts, festivals and colleagues share customers too; none of them pays round sums above what
others pay.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from fraudstream_platform.network.blocks import Block
from fraudstream_platform.network.edges import Edges, Flags
from fraudstream_platform.network.findings import Reason
from fraudstream_platform.network.surprise import log10_choices, normal_surprise, share_surprise
from fraudstream_platform.network.visits import Floats, Visits

Evidence = tuple[float, Reason]
"""A surprise and the reason that says it."""

ENTITY = "merchant group"
_LEAST_RATIO = 1.5
_LEAST_SPREAD = 0.3
_HOUR_MS = 3_600_000
_KNOWN_MERCHANTS = 3
_APART_KM = 100.0
_APART_USUAL = 0.05
_KM_PER_DEGREE = 111.2


@dataclass(frozen=True)
class Window:
    """One window: its visits, what is known of each row, and the visits before it."""

    seconds: int
    visits: Visits
    edges: Edges
    before: Edges
    is_round: Flags
    is_above: Flags
    log_ratio: Floats
    """log of the amount over the usual one."""


class Group:
    """A block's rows in a window, and all others."""

    def __init__(self, window: Window, block: Block) -> None:
        self.window, self.block = window, block
        rows = window.visits.rows
        self.inside: Flags = np.isin(rows["customer"].to_numpy(), block.customers) & np.isin(
            rows["merchant"].to_numpy(), block.merchants
        )
        self.rows = rows.filter(pl.Series(self.inside))
        self.is_paid: Flags = ~rows["is_refund"].to_numpy()


def round_amounts(group: Group) -> Evidence | None:
    """MC02: whole tens of the currency, beside their share elsewhere."""
    inside, outside = group.inside & group.is_paid, ~group.inside & group.is_paid
    hits, trials = int(group.window.is_round[inside].sum()), int(inside.sum())
    base = (int(group.window.is_round[outside].sum()) + 1) / (int(outside.sum()) + 10)
    text = f"{hits} of {trials} amounts are whole tens; usual: {base * trials:.1f}"
    return share_surprise(hits, trials, base), _reason(group, "MC02", text, hits, base * trials)


def above_usual(group: Group) -> Evidence | None:
    """MC03: amounts above those of the same areas and categories."""
    inside, outside = group.inside & group.is_paid, ~group.inside & group.is_paid
    mine, others = group.window.log_ratio[inside], group.window.log_ratio[outside]
    if not mine.shape[0] or not others.shape[0]:
        return None
    middle = float(np.median(others))
    spread = max(1.4826 * float(np.median(np.abs(others - middle))), _LEAST_SPREAD)
    mean = float(mine.mean()) - middle
    ratio = math.exp(mean)
    if ratio < _LEAST_RATIO:
        return None
    people = group.rows["customer"].n_unique()  # one person's amounts are of one mind
    text = (
        f"{mine.shape[0]} amounts are {ratio:.1f} times what people of the same areas pay in the "
        "same categories; usual: 1.0"
    )
    surprise = normal_surprise(mean / spread * math.sqrt(people))
    return surprise, _reason(group, "MC03", text, ratio, 1.0)


def bursts(group: Group) -> Evidence | None:
    """MC04: customers of the group who come in one hour, beside the share of all who do."""
    hours = group.window.visits.rows["at_ms"].to_numpy() // _HOUR_MS
    visits = np.stack([hours[group.inside], group.rows["customer"].to_numpy()])
    mine, counts = np.unique(np.unique(visits, axis=1)[0], return_counts=True)
    others = np.sort(hours[~group.inside])
    total, hour_count = int(counts.sum()), mine.shape[0]
    best: Evidence | None = None
    for hour, count in zip(mine.tolist(), counts.tolist(), strict=True):
        there = int(np.searchsorted(others, hour, "right") - np.searchsorted(others, hour))
        base = (there + 1) / (others.shape[0] + hour_count)
        surprise = share_surprise(count, total, base) - log10_choices(hour_count, 1)
        if best is None or surprise > best[0]:
            text = (
                f"{count} customers of the group came within one hour; usual for that hour: "
                f"{base * total:.1f}"
            )
            best = surprise, Reason("MC04", text, float(count), base * total, 3_600, ENTITY)
    return best


def new_to_all(group: Group) -> Evidence | None:
    """MC05: merchants new to customers who are long known, beside how often they try new ones."""
    window, block = group.window, group.block
    before, size = window.before, window.visits.merchants.height
    old = before.customer * size + before.merchant
    known = before.degrees
    edges = window.edges
    counted = (known[edges.customer] >= _KNOWN_MERCHANTS) & np.isin(edges.customer, block.customers)
    customer, merchant = edges.customer[counted], edges.merchant[counted]
    is_new = ~np.isin(customer * size + merchant, old)
    inside = np.isin(merchant, block.merchants)
    trials, hits = int(inside.sum()), int(is_new[inside].sum())
    base = (int(is_new[~inside].sum()) + 1) / (int((~inside).sum()) + 2)
    text = (
        f"{hits} of {trials} merchants of the group were new to customers long known; usual for "
        f"them: {base * trials:.1f}"
    )
    return share_surprise(hits, trials, base), _reason(group, "MC05", text, hits, base * trials)


def refunds(group: Group) -> Evidence | None:
    """MC06: refunds, beside their share elsewhere."""
    outside = ~group.inside
    hits, trials = int((~group.is_paid)[group.inside].sum()), group.rows.height
    base = (int((~group.is_paid)[outside].sum()) + 1) / (int(outside.sum()) + 50)
    text = f"{hits} of {trials} transactions are refunds; usual: {base * trials:.1f}"
    return share_surprise(hits, trials, base), _reason(group, "MC06", text, hits, base * trials)


def far_apart(group: Group) -> Evidence | None:
    """MC07: customers who paid at merchants whose terminals are far from each other."""
    table, block = group.window.visits.merchants, group.block
    customers, visited = group.window.edges.matrix(block.merchants)
    here = visited[np.isin(customers, block.customers)] > 0
    spread = []
    for name in ("latitude", "longitude"):
        place = table[name].cast(pl.Float64).to_numpy()[block.merchants]
        known = here & ~np.isnan(place)
        high = np.where(known, place, -np.inf).max(axis=1, initial=-np.inf)
        low = np.where(known, place, np.inf).min(axis=1, initial=np.inf)
        span = np.subtract(high, low, out=np.zeros_like(high), where=high >= low)
        spread.append(span * _KM_PER_DEGREE)
    hits, trials = int((np.hypot(*spread) > _APART_KM).sum()), here.shape[0]
    usual = _APART_USUAL * trials
    text = (
        f"{hits} of {trials} customers paid at merchants of the group more than "
        f"{_APART_KM:.0f} km apart; usual: {usual:.1f}"
    )
    return share_surprise(hits, trials, _APART_USUAL), _reason(group, "MC07", text, hits, usual)


def _reason(group: Group, code: str, text: str, value: float, usual: float) -> Reason:
    return Reason(code, text, float(value), usual, group.window.seconds, ENTITY)


KINDS: tuple[Callable[[Group], Evidence | None], ...] = (
    round_amounts, above_usual, bursts, new_to_all, refunds, far_apart,
)  # fmt: skip
"""Every kind of evidence beside sharing."""

SPEAKS_ALONE = frozenset({"MC02", "MC03", "MC06"})
"""Kinds of which one must agree: crowds come at one hour, travellers go to new and distant places."""
