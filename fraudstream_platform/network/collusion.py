"""Merchant collusion: unrelated merchants that the same customers visit, as nobody would by chance.

1. Visits of a window become pairs of merchants that share more customers than home area, category
   and hour explain; merchants of one place (a food court) or chain (a marketplace) are never a pair.
   The same is asked of notable visits alone, round sums and large ones: camouflage has neither.
2. Blocks grow from the most surprising pairs and are peeled against camouflage.
3. A block counts where sharing among its sites is surprising and a second kind of evidence agrees.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from fraudstream_platform.contracts.tables import MERCHANT_PROFILE_SCHEMA
from fraudstream_platform.network.blocks import blocks_of
from fraudstream_platform.network.edges import Edges, edges_of, is_above, is_round, log_ratios
from fraudstream_platform.network.evidence import ENTITY, KINDS, SPEAKS_ALONE, Group, Window
from fraudstream_platform.network.findings import Finding, Reason, strongest_of_each_group
from fraudstream_platform.network.layers import Layer, all_visits, notable, odd_merchants
from fraudstream_platform.network.null import Null
from fraudstream_platform.network.pairs import Pairs, surprising_pairs
from fraudstream_platform.network.rules import HOUR_S, NetworkRules
from fraudstream_platform.network.sharing import Sharing, sharing_of
from fraudstream_platform.network.visits import Visits, visits_of

_MOST_OF_A_KIND = 12.0
_MOST_SHARING = 40.0
_MOST_REASONS = 4
_SCORE_SPAN, _SCORE_SCALE = 350.0, 20.0
_WORTH_LONGER = 1.05

PROFILE_SCHEMA = pl.Schema({**MERCHANT_PROFILE_SCHEMA})
"""The contract's columns; when they take effect is for whoever publishes them."""
PROFILE_SCHEMA.pop("effective_from")


@dataclass(frozen=True)
class Collusion:
    """What the pattern found, and a profile of every merchant."""

    findings: list[Finding]
    merchants: pl.DataFrame


def find_collusion(silver: pl.DataFrame, rules: NetworkRules) -> Collusion:
    """Look at every window that ends with the newest visit; `silver` has VISIT_COLUMNS."""
    everything = visits_of(silver)
    if not everything.rows.height:
        return Collusion([], PROFILE_SCHEMA.to_frame())
    newest = int(everything.rows["at_ms"].max())  # type: ignore[arg-type]
    log_ratio = log_ratios(everything)
    above = is_above(everything, log_ratio)
    found: list[Finding] = []
    profile, height = PROFILE_SCHEMA.to_frame(), 0
    for seconds in rules.windows_s:
        visits = everything.since(newest - 1000 * seconds)
        if height and visits.rows.height < _WORTH_LONGER * height:
            continue  # history is shorter than the window
        height = visits.rows.height
        within = (everything.rows["at_ms"] >= newest - 1000 * seconds).to_numpy()
        edges, before = edges_of(visits), edges_of(everything, ~within)
        window = Window(
            seconds, visits, edges, before, is_round(visits), above[within], log_ratio[within]
        )
        findings, profile = _search(window, rules)
        found += findings
    kept = strongest_of_each_group(found)
    return Collusion(kept, _with_findings(profile, kept))


def _search(window: Window, rules: NetworkRules) -> tuple[list[Finding], pl.DataFrame]:
    """Findings of one window, and its merchants' profile."""
    visits, edges = window.visits, window.edges
    null = Null(edges, visits.classes, window.before)
    refunds = visits.rows["is_refund"].to_numpy()
    everybody = all_visits(edges, rules)
    everywhere = surprising_pairs(visits, null, everybody, rules)
    found = _in_layer(window, null, everybody, everywhere, rules)
    for layer in (
        notable(visits, edges, window.is_round, "paid whole tens", rules),
        notable(visits, edges, window.is_above, "paid more than twice their usual", rules, "MC03"),
        odd_merchants(visits, edges, (window.is_round, refunds), rules),
    ):
        pairs = surprising_pairs(visits, null, layer, rules)
        found += _in_layer(window, null, layer, pairs, rules)
    return found, _profile(visits, edges, everywhere, window.seconds)


def _in_layer(
    window: Window, null: Null, layer: Layer, pairs: Pairs, rules: NetworkRules
) -> list[Finding]:
    found = []
    for block in blocks_of(window.visits, layer, pairs):
        if block.site_count < rules.sites or block.customers.shape[0] < rules.customers:
            continue
        sharing = sharing_of(null, layer, block)
        if sharing.surprise < rules.group_surprise or (
            sharing.customers < rules.group_lift * sharing.expected
        ):
            continue
        finding = _judged(Group(window, block), sharing, rules, layer)
        if finding is not None:
            found.append(finding)
    return found


def _judged(group: Group, sharing: Sharing, rules: NetworkRules, layer: Layer) -> Finding | None:
    """The block as a finding, where all evidence together is enough."""
    if group.rows.height < rules.transactions:
        return None
    others = [found for kind in KINDS if (found := kind(group)) is not None]
    agreeing = sorted(
        (one for one in others if one[0] >= rules.corroboration and one[1].code != layer.chosen_by),
        reverse=True,
    )
    total = min(sharing.surprise, _MOST_SHARING) - sharing.given_away
    total += sum(min(surprise, _MOST_OF_A_KIND) for surprise, _ in agreeing)
    if total < rules.evidence or SPEAKS_ALONE.isdisjoint(reason.code for _, reason in agreeing):
        return None
    score = rules.review_score + round(
        _SCORE_SPAN * -math.expm1(-(total - rules.evidence) / _SCORE_SCALE)
    )
    last = group.rows.sort("at_ms", "partition", "offset").row(-1, named=True)
    names = group.window.visits.merchants["merchant_id"].gather(group.block.merchants)
    reasons = [_sharing_reason(group, sharing, layer.words), *(reason for _, reason in agreeing)]
    return Finding(
        pattern="merchant_collusion",
        members=tuple(sorted(names.to_list())),
        score=score,
        reasons=tuple(reasons[:_MOST_REASONS]),
        newest=(last["partition"], last["offset"]),
        transactions=group.rows.height,
    )


def _sharing_reason(group: Group, sharing: Sharing, words: str) -> Reason:
    seconds = group.window.seconds
    text = (
        f"{sharing.customers} customers {words} at {sharing.sites} or more of "
        f"{group.block.site_count} unrelated merchants within {seconds // HOUR_S} h "
        f"({group.rows.height} transactions); by chance: {sharing.expected:.1f}"
    )
    return Reason("MC01", text, float(sharing.customers), sharing.expected, seconds, ENTITY)


def _profile(visits: Visits, edges: Edges, pairs: Pairs, window_s: int) -> pl.DataFrame:
    size = visits.merchants.height
    both = np.concatenate([pairs.a, pairs.b])
    shared, lift = np.zeros(size, np.int64), np.zeros(size)
    np.maximum.at(shared, both, np.tile(pairs.shared, 2))
    of_pair = pairs.shared / np.maximum(pairs.expected, 1e-3)
    np.maximum.at(lift, both, np.tile(of_pair, 2))
    count = np.bincount(visits.rows["merchant"].to_numpy(), minlength=size)
    table = pl.DataFrame(
        {
            "merchant_id": visits.merchants["merchant_id"],
            "window_s": np.full(size, window_s),
            "transactions": count,
            "customers": edges.visitors,
            "partners": np.bincount(both, minlength=size),
            "shared_customers": shared,
            "lift": lift,
        }
    )
    return table.filter(pl.col("transactions") > 0)


def _with_findings(profile: pl.DataFrame, findings: list[Finding]) -> pl.DataFrame:
    of_merchant = {name: one for one in findings for name in one.members}
    keys = {name: one.key for name, one in of_merchant.items()}
    scores = {name: one.score for name, one in of_merchant.items()}
    told = pl.DataFrame(
        {"merchant_id": list(keys), "finding": list(keys.values()), "score": list(scores.values())},
        schema={name: PROFILE_SCHEMA[name] for name in ("merchant_id", "finding", "score")},
    )
    joined = profile.drop("finding", "score", strict=False).join(
        told, on="merchant_id", how="left", maintain_order="left"
    )
    return joined.select(list(PROFILE_SCHEMA)).cast(PROFILE_SCHEMA)
