"""Synthetic identity: planted rings are found, people who merely share a home are not."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from fraudstream_platform.detection.sample import token
from fraudstream_platform.network.findings import Finding
from fraudstream_platform.network.identities import PROFILE_SCHEMA, find_identities
from fraudstream_platform.network.rules import NETWORK_RULES
from fraudstream_tests.unit.network_worlds import START, World

FIRST = 5_000
"""Number of the first planted person; the world's own customers come before."""
ONLINE = {"entry_mode": "ecom", "channel": "ECOM"}


def quiet_world(seed: int = 1) -> World:
    """Customers of whom each has identifiers of its own."""
    world = World(seed, customers=120, merchants=60, days=20, rate=1.0)
    for row in world.rows[::3]:
        number = int(row["customer"][-6:])
        row |= {name: token(name[:2], number) for name in ("email", "phone", "address", "device")}
    return world


def join(world: World, person: int, opened: date, fields: dict[str, Any], visits: int = 4) -> None:
    """A planted person with a few purchases."""
    for _ in range(visits):
        shop = world.merchants[int(world.rng.integers(len(world.merchants)))]
        at = world.moment(0, world.days)
        world.pay(FIRST + person, shop, at, account_opened=opened, **(ONLINE | fields))


def found(world: World) -> list[Finding]:
    return find_identities(world.silver(), NETWORK_RULES).findings


def chained(person: int) -> dict[str, str]:
    """Two chained links: a phone with one neighbour, an address with the other."""
    return {
        "phone": token("ph", 900 + person // 2),
        "address": token("ad", 900 + (person + 1) // 2),
        "email": token("em", 900 + person),
        "device": token("de", 900 + person),
    }


def shared(person: int) -> dict[str, str]:
    """Three links: one device, one address, one phone for all."""
    return {"device": token("de", 900), "address": token("ad", 900), "phone": token("ph", 900)}


@pytest.mark.parametrize("links", [chained, shared])
@pytest.mark.parametrize("size", [5, 8])
def test_a_ring_is_found_from_its_fifth_identity(size: int, links: Any) -> None:
    """Guards against a pattern that waits for the whole ring."""
    world = quiet_world()
    for person in range(size):
        join(world, person, START.date() - timedelta(days=20 - 2 * person), links(person))
    findings = found(world)
    assert [len(finding.members) for finding in findings] == [size]
    assert findings[0].score >= NETWORK_RULES.review_score
    assert all(any(c.isdigit() for c in reason.text) for reason in findings[0].reasons)


def test_more_and_stronger_links_score_higher() -> None:
    """Guards against a score that says nothing."""
    scores = []
    for size, links in ((5, chained), (12, shared)):
        world = quiet_world()
        for person in range(size):
            join(world, person, START.date() - timedelta(days=20 - person), links(person))
        scores.append(found(world)[0].score)
    assert scores[0] < scores[1]


def test_four_identities_are_not_enough() -> None:
    """Guards against a household of newcomers."""
    world = quiet_world()
    for person in range(4):
        join(world, person, START.date() - timedelta(days=10), shared(person))
    assert found(world) == []


def test_a_family_is_no_ring() -> None:
    """Guards against people who share a home for years."""
    world = quiet_world()
    for person in range(6):
        join(world, person, date(2012 + person, 3, 1), shared(person))
    assert found(world) == []


def test_a_student_flat_is_no_ring() -> None:
    """Guards against young accounts of one address: one kind of identifier links nobody here."""
    world = quiet_world()
    for person in range(8):
        fields = {"address": token("ad", 900), "device": token("de", 900 + person)}
        join(world, person, START.date() - timedelta(days=30), fields)
    assert found(world) == []


def test_company_cards_are_no_ring() -> None:
    """Guards against employees of a young company."""
    world = quiet_world()
    for person in range(10):
        opened = START.date() - timedelta(days=15)
        join(world, person, opened, shared(person) | {"product": "commercial"})
    assert found(world) == []


def test_a_call_centre_links_nobody() -> None:
    """Guards against one component of everybody whose address and phone are the call centre's."""
    world = quiet_world()
    for person in range(NETWORK_RULES.hub + 5):
        fields = {"address": token("ad", 900), "phone": token("ph", 900)}
        join(world, person, START.date() - timedelta(days=60), fields, visits=2)
    result = find_identities(world.silver(), NETWORK_RULES)
    assert result.findings == []
    assert result.people.filter(result.people["size"] > NETWORK_RULES.hub).is_empty()


def test_a_shared_network_links_nobody() -> None:
    """Guards against mobile networks, where thousands share an address block."""
    world = quiet_world()
    for person in range(8):
        fields = {"ip_net": token("in", 900), "ip": token("ip", 900)}
        join(world, person, START.date() - timedelta(days=15), fields)
    assert found(world) == []


def test_unknown_ages_raise_nothing() -> None:
    """Guards against a missing field that reads as evidence."""
    world = quiet_world()
    for person in range(8):
        join(world, person, START.date(), shared(person))
    for row in world.rows:
        row["account_opened"] = None
    assert found(world) == []


def test_ordinary_life_has_no_finding_and_nobody_in_the_profile() -> None:
    """Guards against links that are none."""
    result = find_identities(quiet_world(3).silver(), NETWORK_RULES)
    assert result.findings == []
    assert result.people.is_empty()
    assert result.people.schema == PROFILE_SCHEMA


def test_the_profile_tells_size_growth_and_finding() -> None:
    """Guards against a table that lacks what features need of it."""
    world = quiet_world()
    for person in range(6):
        join(world, person, START.date() - timedelta(days=12), shared(person))
    result = find_identities(world.silver(), NETWORK_RULES)
    ring = result.people.filter(result.people["size"] == 6)
    assert ring.height == 6
    assert set(ring["entity"]) == set(result.findings[0].members)
    assert ring["finding"].unique().to_list() == [result.findings[0].key]
    assert ring["kinds"].to_list()[0] == ["address", "device", "phone"]
    assert ring["is_young"].all()


def test_the_order_of_rows_changes_nothing() -> None:
    """Guards against findings that depend on how the lake's files are read."""
    world = quiet_world()
    for person in range(6):
        join(world, person, START.date() - timedelta(days=12), chained(person))
    silver = world.silver()
    mixed = silver.sample(fraction=1.0, shuffle=True, seed=2)
    one, other = (find_identities(rows, NETWORK_RULES) for rows in (silver, mixed))
    assert one.findings == other.findings
    assert one.people.equals(other.people)
