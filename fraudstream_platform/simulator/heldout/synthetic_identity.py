"""Synthetic identities: made-up people who were given the same telephone, flat or computer.

| strength | identities | within | links | accounts |
|---|---|---|---|---|
| blatant | 12-20 | 30 days | all share three of telephone, address, device, IP address | days old |
| normal | 6-10 | 30 days | two kinds by turns: one with the next, that one with the next but one | days old |
| stealthy | 4-5 | 60 days | one weak: the address or the IP network | 6 months old |

Each pays one or two shops on the net by the week's or half week's clock, amounts that hardly vary, as if
to be seen to pay. None ever stands in a shop.
"""

from __future__ import annotations

from collections.abc import Sequence

from fraudstream_platform.simulator import messages as m
from fraudstream_platform.simulator.heldout import hand
from fraudstream_platform.simulator.injector.attack import Scene, Strength
from fraudstream_platform.simulator.messages import Step
from fraudstream_platform.simulator.population import Customer
from fraudstream_platform.simulator.record import Values
from fraudstream_platform.simulator.world.identities import Identities

_IDENTITIES = {"blatant": (12, 20), "normal": (6, 10), "stealthy": (4, 5)}
_SPAN_MS = {"blatant": 30 * hand.DAY_MS, "normal": 30 * hand.DAY_MS, "stealthy": 60 * hand.DAY_MS}
_AGE_DAYS = {"blatant": (2, 15), "normal": (5, 30), "stealthy": (180, 220)}
_PHONE, _ADDRESS, _DEVICE, _IP, _IP_NET = 1, 2, 4, 5, 6
_STRONG = (_PHONE, _ADDRESS, _DEVICE, _IP)
_WEAK = (_ADDRESS, _IP_NET)
_JOIN_SHARE = 0.4
"""Of the span, within which all of them have joined."""
_EVERY_DAYS = (3.5, 7.0)


def plan(scene: Scene, strength: Strength) -> list[Step]:
    """Every identity's verification and payments; empty where nobody new can join."""
    rng, span = scene.rng, _SPAN_MS[strength]
    members: list[Customer] = []
    for _ in range(rng.randint(*_IDENTITIES[strength])):
        opened = scene.now_ms // hand.DAY_MS - rng.randint(*_AGE_DAYS[strength])
        joined = scene.newcomer(opened)
        if joined is None:
            return []
        members.append(joined)
    identities = _linked(scene, strength, [_identity(scene, one) for one in members])
    steps = []
    for member, identity in zip(members, identities, strict=True):
        steps += _history(scene, member, identity, int(_JOIN_SHARE * span * rng.random()), span)
    return steps


def _identity(scene: Scene, member: Customer) -> Values:
    """All nine fields, this member's own."""
    known, rng, home = Identities(scene.population), scene.rng, scene.victim.home
    email, phone, address, name = known.contact(rng, member.index, home)
    device = known.device(rng.getrandbits(44))
    return (email, phone, address, name, device, *known.line(rng, home))


def _linked(scene: Scene, strength: Strength, own: Sequence[Values]) -> list[Values]:
    """The identities with what they share copied from one to the other."""
    rng, fields = scene.rng, [list(one) for one in own]
    if strength == "normal":
        kinds = rng.sample(_STRONG, 2)
        for number in range(1, len(fields)):
            _copy(fields[number - 1], fields[number], kinds[number % 2])
    else:
        kinds = rng.sample(_STRONG, 3) if strength == "blatant" else [rng.choice(_WEAK)]
        for one in fields[1:]:
            for kind in kinds:
                _copy(fields[0], one, kind)
    return [tuple(one) for one in fields]


def _copy(source: list[str], target: list[str], kind: int) -> None:
    """An IP address brings its network."""
    target[kind] = source[kind]
    if kind == _IP:
        target[_IP_NET] = source[_IP_NET]


def _history(scene: Scene, member: Customer, identity: Values, joins: int, span: int) -> list[Step]:
    """A verification, then a payment every so many days within the hour."""
    rng = scene.rng
    shops = hand.popular(scene, rng.choice(("online", "subscription")), rng.randint(1, 2))
    every = rng.choice(_EVERY_DAYS) * hand.DAY_MS
    cents = rng.uniform(900, 4_500)
    verified = m.remote(
        member, member.card, shops[0], 0, identity, message_type="VERIFY", answer=m.VERIFIED
    )
    steps, at = [Step(joins, verified, True)], joins + hand.DAY_MS
    while at < span - hand.HOUR_MS:
        paid = m.remote(
            member, member.card, rng.choice(shops), cents * rng.uniform(0.97, 1.03), identity
        )
        steps.append(Step(int(at + rng.randrange(hand.HOUR_MS)), paid, True))
        at += int(every)
    return steps
