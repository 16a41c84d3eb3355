"""Merchant collusion: planted groups are found, whatever only looks alike is not."""

from __future__ import annotations

import numpy as np
import pytest

from fraudstream_platform.network.collusion import PROFILE_SCHEMA, find_collusion
from fraudstream_platform.network.findings import Finding
from fraudstream_platform.network.rules import NETWORK_RULES
from fraudstream_tests.unit.network_worlds import CITIES, MEALS, World

ROUND = (10_000, 15_000, 20_000, 25_000, 30_000)


def found(world: World) -> list[Finding]:
    return find_collusion(world.silver(), NETWORK_RULES).findings


def colluders(world: World, merchants: int, cards: int, count: int, days: float) -> list[str]:
    """Random merchants and cards of the whole world, paying round sums in the last days."""
    places = world.rng.choice(len(world.merchants), merchants, replace=False)
    group = [world.merchants[int(place)] for place in places]
    people = world.rng.choice(world.customers, cards, replace=False).tolist()
    world.visits(
        people, group, count, world.days - days, world.days, cents=ROUND, entry_mode="ecom"
    )
    return sorted(merchant["merchant_id"] for merchant in group)


@pytest.mark.parametrize(("merchants", "cards", "days"), [(5, 40, 1), (4, 25, 3)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_group_is_found_after_its_first_hundred_transactions(
    seed: int, merchants: int, cards: int, days: float
) -> None:
    """Guards against a pattern that needs the whole attack before it sees it."""
    world = World(seed)
    group = colluders(world, merchants, cards, 100, days)
    findings = found(world)
    assert len(findings) == 1
    assert set(findings[0].members) <= set(group)
    assert len(findings[0].members) >= 3
    assert findings[0].score >= NETWORK_RULES.review_score


def test_local_shops_of_one_city_are_found_too() -> None:
    """Guards against a null that takes an area's own fraud for the area's custom."""
    world = World(5, customers=800)
    group = [world.shops(0)[place] for place in (3, 9, 14, 21, 30)]
    people = world.people(0)[:40]
    world.visits(people, group, 130, world.days - 1, world.days, cents=ROUND)
    findings = found(world)
    assert len(findings) == 1
    assert set(findings[0].members) <= {merchant["merchant_id"] for merchant in group}


def test_camouflage_at_popular_merchants_hides_nobody() -> None:
    """Guards against density that ordinary purchases of the same cards dilute."""
    world = World(6)
    group = colluders(world, 5, 40, 200, 1)
    shops = sorted(world.merchants, key=lambda shop: -shop["popularity"])[:6]
    world.visits(list(range(40)), shops, 200, world.days - 1, world.days)
    findings = found(world)
    assert [set(finding.members) <= set(group) for finding in findings] == [True]


@pytest.mark.parametrize("seed", range(10, 16))
def test_ordinary_life_has_no_finding(seed: int) -> None:
    """Guards against alarms in a quiet fortnight."""
    assert found(World(seed)) == []


def test_strangers_with_unlike_purses_are_no_group() -> None:
    """Guards against the rich as a group: of whom little is known, nobody knows what is usual."""
    world = World(30, customers=5_000, days=1, rate=1.5)
    assert found(world) == []


def test_a_food_court_is_no_group() -> None:
    """Guards against taking lunch for fraud: many customers share the stalls of one place."""
    world = World(20)
    latitude, longitude, _ = CITIES[0]
    stalls = [
        world.merchant(0, mcc=MEALS[n % 2], latitude=latitude + 0.0002 * n, longitude=longitude)
        for n in range(8)
    ]
    world.visits(world.people(0)[:60], stalls, 500, 0, world.days, (11.5, 13.5))
    assert found(world) == []


def test_colleagues_at_lunch_are_no_group() -> None:
    """Guards against the food court without a roof: the same few restaurants, day after day."""
    world = World(21)
    places = [world.merchant(0, mcc=MEALS[n % 2]) for n in range(5)]
    world.visits(world.people(0)[:25], places, 250, 0, world.days, (11.5, 13.5))
    assert found(world) == []


def test_a_chain_and_a_marketplace_are_no_group() -> None:
    """Guards against merchants that share customers because they are one."""
    world = World(22)
    chain = [world.merchant(n % 4, merchant_group_id="G0001") for n in range(5)]
    sellers = [
        world.merchant(n % 4, merchant_group_id="G0002", latitude=None, longitude=None)
        for n in range(8)
    ]
    world.visits(list(range(50)), chain, 300, world.days - 3, world.days)
    world.visits(list(range(60, 140)), sellers, 500, world.days - 3, world.days, cents=ROUND)
    assert found(world) == []


def test_staff_purchases_are_no_group() -> None:
    """Guards against a few people who buy where they work."""
    world = World(23)
    shop, canteen = world.shops(1)[:2]
    world.visits(world.people(1)[:12], [shop, canteen], 150, 0, world.days)
    assert found(world) == []


def test_the_order_of_rows_changes_nothing() -> None:
    """Guards against findings that depend on how the lake's files are read."""
    world = World(2)
    colluders(world, 5, 40, 200, 1)
    silver = world.silver()
    mixed = silver.sample(fraction=1.0, shuffle=True, seed=1)
    one, other = (find_collusion(rows, NETWORK_RULES) for rows in (silver, mixed))
    assert one.findings == other.findings
    assert one.merchants.equals(other.merchants)


def test_reasons_hold_numbers_and_the_newest_transaction_is_the_groups() -> None:
    """Guards against an alert that points to somebody else's purchase."""
    world = World(3)
    colluders(world, 5, 40, 200, 1)
    silver = world.silver()
    (finding,) = find_collusion(silver, NETWORK_RULES).findings
    assert 2 <= len(finding.reasons) <= 4
    assert finding.reasons[0].code == "MC01"
    assert all(any(c.isdigit() for c in reason.text) for reason in finding.reasons)
    row = silver.filter(
        (silver["partition"] == finding.newest[0]) & (silver["offset"] == finding.newest[1])
    )
    assert row["merchant_id"][0] in finding.members


def test_the_profile_names_every_merchant_and_the_group() -> None:
    """Guards against a table that lacks the finding or a merchant."""
    world = World(1)
    colluders(world, 5, 40, 200, 1)
    result = find_collusion(world.silver(), NETWORK_RULES)
    assert result.merchants.schema == PROFILE_SCHEMA
    assert result.merchants["merchant_id"].is_unique().all()
    named = result.merchants.drop_nulls("finding")
    assert set(named["merchant_id"]) == set(result.findings[0].members)
    assert np.all(named["lift"].to_numpy() > NETWORK_RULES.pair_lift)


def test_an_empty_frame_has_no_finding() -> None:
    """Guards against a refresh that fails before the first row."""
    assert find_collusion(World(1).silver().clear(), NETWORK_RULES).findings == []
