"""Synthetic identity: young accounts chained to each other by two kinds of identifier or more.

1. Customers who share an e-mail, phone, address or device are linked; hubs link nobody.
2. Among accounts opened lately, connected components of enough people are looked at. Families and
   old companies fall apart here: few of their accounts are young.
3. A component counts where two kinds each link a good part of it, and its accounts were opened
   more closely together than chance would have it. A student flat shares its address alone.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from fraudstream_platform.contracts.tables import IDENTITY_PROFILE_SCHEMA
from fraudstream_platform.network.edges import Flags
from fraudstream_platform.network.findings import Finding, Reason
from fraudstream_platform.network.links import People, component_of, people_of, young
from fraudstream_platform.network.rules import DAY_S, NetworkRules
from fraudstream_platform.network.surprise import share_surprise
from fraudstream_platform.network.visits import Ints

_DAY_MS = 86_400_000
_MOST_OF_A_KIND = 12.0
_SCORE_SPAN, _SCORE_SCALE = 350.0, 15.0
_LOW_QUARTER = 0.25
_COVERED = 0.4
"""Share of a component that a kind of identifier must link to count."""
_MEMBERS_OF_A_KIND = 3
_SAID_FROM = 1.0
_GROWTH_DAYS = 7

PROFILE_SCHEMA = pl.Schema({**IDENTITY_PROFILE_SCHEMA})
"""The contract's columns; when they take effect is for whoever publishes them."""
PROFILE_SCHEMA.pop("effective_from")


@dataclass(frozen=True)
class Identities:
    """What the pattern found, and a profile of everybody who shares an identifier."""

    findings: list[Finding]
    people: pl.DataFrame


class _Clan(NamedTuple):
    members: Ints
    kinds: tuple[str, ...]


def find_identities(silver: pl.DataFrame, rules: NetworkRules) -> Identities:
    """Look at the rows of the window before the newest event; `silver` has IDENTITY_COLUMNS."""
    if not silver.height:
        return Identities([], PROFILE_SCHEMA.to_frame())
    at = silver["event_time"].dt.epoch("ms")
    newest = int(at.max())  # type: ignore[arg-type]
    recent = silver.filter(at >= newest - 1000 * rules.identity_window_s)
    people = people_of(recent, rules)
    is_young = young(people, newest // _DAY_MS, rules)
    findings = [
        finding
        for clan in _clans(people, is_young, rules)
        if (finding := _judged(recent, people, is_young, clan, rules)) is not None
    ]
    findings.sort(key=lambda one: (-one.score, one.key))
    return Identities(findings, _profile(people, is_young, findings, newest))


def _clans(people: People, is_young: Flags, rules: NetworkRules) -> list[_Clan]:
    """Components among young accounts that two kinds of identifier or more hold together."""
    among = people.links.filter(pl.Series(is_young[people.links["person"].to_numpy()]))
    among = among.filter(pl.len().over("kind", "value") > 1)
    if not among.height:
        return []
    component = component_of(among, people.table.height)
    clans = []
    for root, size in sorted(Counter(component.tolist()).items()):
        if not rules.identities <= size <= rules.largest:
            continue
        members = np.flatnonzero(component == root).astype(np.int64)
        if people.table["is_commercial"].gather(members).mean() > 0.5:  # type: ignore[operator]
            continue  # employees share the company's address and phone
        kinds = _kinds(among.filter(pl.col("person").is_in(members.tolist())), size)
        if len(kinds) >= rules.kinds:
            clans.append(_Clan(members, kinds))
    return clans


def _kinds(links: pl.DataFrame, size: int) -> tuple[str, ...]:
    least = max(_MEMBERS_OF_A_KIND, math.ceil(_COVERED * size))
    covered = links.group_by("kind").agg(pl.col("person").n_unique())
    return tuple(sorted(covered.filter(pl.col("person") >= least)["kind"].to_list()))


def _judged(
    rows: pl.DataFrame,
    people: People,
    is_young: Flags,
    clan: _Clan,
    rules: NetworkRules,
) -> Finding | None:
    size = clan.members.shape[0]
    together, opened = _opened_together(people, clan)
    thin, thin_reason = _low(people, clan, "merchants", "SI03", "few merchants")
    regular, regular_reason = _low(people, clan, "spread", "SI04", "amounts of one size")
    if together < rules.corroboration and max(thin, regular) < rules.corroboration:
        return None
    linked = (size - rules.identities) + 6.0 * (len(clan.kinds) - rules.kinds)
    behaviour = sum(min(one, _MOST_OF_A_KIND) for one in (together, thin, regular))
    weight = linked + behaviour - rules.corroboration
    score = rules.review_score + round(_SCORE_SPAN * -math.expm1(-weight / _SCORE_SCALE))
    entity = people.table["entity"]
    names = sorted(entity.gather(clan.members).to_list())
    own = rows.filter(pl.coalesce("customer", "card").is_in(names))
    last = own.sort("event_time", "partition", "offset").row(-1, named=True)
    said = [
        (thin, thin_reason),
        (regular, regular_reason),
    ]
    window_s = rules.identity_window_s
    text = (
        f"{size} young accounts hang together by {len(clan.kinds)} kinds of identifier "
        f"({', '.join(clan.kinds)}); usual: 1 kind among fewer than {rules.identities}"
    )
    reasons = [
        Reason("SI01", text, float(size), 1.0, window_s, "identity group"),
        opened,
        *(reason for surprise, reason in said if surprise >= _SAID_FROM),
    ]
    return Finding(
        pattern="synthetic_identity",
        members=tuple(names),
        score=score,
        reasons=tuple(reasons),
        newest=(last["partition"], last["offset"]),
        transactions=own.height,
    )


def _opened_together(people: People, clan: _Clan) -> tuple[float, Reason]:
    """SI02: days between the first and the last account, beside how many others opened then."""
    days = people.table["opened"].cast(pl.Int32)
    mine = days.gather(clan.members).drop_nulls()
    first, last = int(mine.min()), int(mine.max())  # type: ignore[arg-type]
    known = days.drop_nulls()
    within = int(known.is_between(first, last).sum()) - mine.len()
    base = (within + 1) / (known.len() - mine.len() + 10)
    size = mine.len()
    # The first account chose the days: the others followed.
    surprise = share_surprise(size - 1, size - 1, base)
    text = (
        f"{size} accounts opened within {last - first} days; usual in so many days: "
        f"{base * size:.1f}"
    )
    reason = Reason(
        "SI02", text, float(size), base * size, (last - first) * DAY_S, "identity group"
    )
    return surprise, reason


def _low(people: People, clan: _Clan, column: str, code: str, what: str) -> tuple[float, Reason]:
    """Members in the lowest quarter of a column, beside the quarter that everybody has there."""
    everybody = people.table.filter(pl.col("transactions") > 1)[column].drop_nulls()
    mine = people.table[column].gather(clan.members).drop_nulls()
    size = mine.len()
    bound = everybody.quantile(_LOW_QUARTER, "lower") if everybody.len() else None
    low = 0 if bound is None else int((mine <= bound).sum())
    base = _LOW_QUARTER if bound is None else float((everybody <= bound).mean())  # type: ignore[arg-type]
    text = f"{low} of {size} identities show {what}; usual: {base:.0%}"
    reason = Reason(code, text, float(low), base * size, None, "identity group")
    return share_surprise(low, size, base), reason


def _profile(
    people: People,
    is_young: Flags,
    findings: list[Finding],
    newest_ms: int,
) -> pl.DataFrame:
    """Everybody with a link."""
    of_entity = {name: one for one in findings for name in one.members}
    since = newest_ms - _GROWTH_DAYS * _DAY_MS
    kinds = people.links.group_by("person").agg(kinds=pl.col("kind").unique().sort())
    component = pl.Series("component", people.component)
    table = (
        people.table.select(
            "entity", component, is_young=pl.Series(is_young), is_new=pl.col("first_ms") >= since
        )
        .with_row_index("person")
        .with_columns(pl.col("person").cast(pl.Int64))
        .join(kinds, on="person", maintain_order="left")
    )
    entity = people.table["entity"]
    told = table.with_columns(
        component=entity.gather(table["component"]),
        size=pl.len().over("component").cast(pl.Int64),
        grown_7d=pl.col("is_new").sum().over("component").cast(pl.Int64),
        finding=pl.Series(
            [found.key if (found := of_entity.get(one)) else None for one in table["entity"]],
            dtype=pl.String(),
        ),
        score=pl.Series(
            [found.score if (found := of_entity.get(one)) else None for one in table["entity"]],
            dtype=pl.Int32(),
        ),
    )
    return told.select(list(PROFILE_SCHEMA)).cast(PROFILE_SCHEMA)
