"""Account takeover: the details are made the thief's own, then it is ordered what sells again.

| strength | change before the first use | uses | within | amounts |
|---|---|---|---|---|
| blatant | 1-30 min | 4-8 | 60 min | 5-15 x usual |
| normal | 2-24 h | 3-5 | 12 h | 2.5-6 x usual |
| stealthy | none | 2-4 | 5 days | 1.2-2.5 x usual |

What is changed: the password, the telephone number (a SIM swap), both, or the card is put into the thief's
wallet, which pays in apps. The largest order comes first. Blatant thieves come through a VPN, normal
ones through a carrier, stealthy ones from a household of the victim's city.
"""

from __future__ import annotations

from fraudstream_platform.protection.vault import Identity
from fraudstream_platform.simulator import messages as m
from fraudstream_platform.simulator.heldout import hand
from fraudstream_platform.simulator.injector.attack import Scene, Strength
from fraudstream_platform.simulator.messages import Step
from fraudstream_platform.simulator.population import Card, luhn_complete
from fraudstream_platform.simulator.record import Values

_USES = {"blatant": (4, 8), "normal": (3, 5), "stealthy": (2, 4)}
_LEAD_MS = {
    "blatant": (60_000, 1_800_000),
    "normal": (2 * hand.HOUR_MS, hand.DAY_MS),
    "stealthy": (0, hand.HOUR_MS),
}
_SPAN_MS = {"blatant": hand.HOUR_MS, "normal": 12 * hand.HOUR_MS, "stealthy": 5 * hand.DAY_MS}
_TIMES_USUAL = {"blatant": (5.0, 15.0), "normal": (2.5, 6.0), "stealthy": (1.2, 2.5)}
_CHANGED = ((0,), (1,), (0, 1), (2,))
"""Which of contact, credential and wallet are changed."""


def plan(scene: Scene, strength: Strength) -> list[Step]:
    """The orders, and a purchase of the victim's own meanwhile."""
    rng, victim, span = scene.rng, scene.victim, _SPAN_MS[strength]
    changed = rng.choice(_CHANGED) if strength != "stealthy" else ()
    changes = tuple(scene.now_ms if n in changed else at for n, at in enumerate(scene.changes))
    card = _in_new_wallet(scene) if 2 in changed else scene.card
    identity = hand.new_device(scene, _line(scene, strength))
    count = rng.randint(*_USES[strength])
    amounts = sorted(
        (hand.part(scene, *_TIMES_USUAL[strength]) for _ in range(count)), reverse=True
    )
    shops = hand.resale_online(scene)
    lead = rng.randrange(*_LEAD_MS[strength])
    steps = [Step(lead + int(span * rng.random()), scene.genuine(scene.card))]
    for times, at in zip(amounts, hand.waves(scene, count, span, count), strict=True):
        cents, shop = scene.usual_cents() * times, rng.choice(shops)
        if 2 in changed:
            order = m.remote(
                victim, card, shop, cents, identity, source="MOBILE", entry_mode="wallet"
            )
        else:
            tds = "Y" if 0 in changed else None  # the code goes to the thief's number
            order = m.remote(victim, card, shop, cents, identity, tds_status=tds)
        steps.append(Step(lead + at, order._replace(changes=changes) if changed else order, True))
    # The lead is counted to the first use, wherever in its wave that falls.
    early = min(step.offset_ms for step in steps if step.fraudulent) - lead
    return [step._replace(offset_ms=step.offset_ms - early * step.fraudulent) for step in steps]


def _line(scene: Scene, strength: Strength) -> Values:
    if strength == "blatant":
        return hand.tunnel_line(scene)
    if strength == "normal":
        return hand.mobile_line(scene, scene.victim.home.country)
    return hand.home_line(scene)


def _in_new_wallet(scene: Scene) -> Card:
    """The victim's card with a device account number that was just made."""
    rng, people, card = scene.rng, scene.population, scene.card
    number = rng.randrange(people.first_free_number, 10_000_000)
    found: list[Identity] = []
    device_pan = people.identify(
        "card", luhn_complete(f"{people.series.wallet_bin}{number:07d}"), found
    )
    people.fresh.extend(found)
    customer, token, _, *rest = card.plastic
    return card._replace(wallet=(customer, token, device_pan, *rest))
